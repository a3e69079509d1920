// openBlock, openName, closeName, chunk, names: what JavaScript sees of the block (names.h). Counts the uses
// of this environment, so that nobody closes another's, and its end can close what is left.
#include <algorithm>
#include <limits>
#include <memory>
#include <new>

#include "arguments.h"
#include "state.h"

namespace tierlock {
namespace {

constexpr int64_t kMaxInt32 = std::numeric_limits<int32_t>::max();
// What a number of JavaScript and an address of this platform can both count.
constexpr int64_t kMaxBytes =
    std::min<int64_t>((int64_t{1} << 53) - 1, std::numeric_limits<ptrdiff_t>::max());

// Whether all went well; if not, it throws.
bool Check(napi_env env, const char* what, Outcome outcome) {
  std::string message = what;
  switch (outcome) {
    case Outcome::kDone:
      return true;
    case Outcome::kOther:
      ThrowError(env, "ERR_LOCK_LAYOUT",
                 message +
                     ": the block of this process was opened with another geometry or another header: "
                     "make all packages of this process use one release of tierlock");
      return false;
    case Outcome::kNotOpened:
      ThrowError(env, nullptr, message + ": call openBlock first");
      return false;
    case Outcome::kNoMemory:
      ThrowError(env, "ENOMEM", message + ": out of memory");
      return false;
    case Outcome::kFull:
      ThrowError(env, "ENOMEM", message + ": no slot has a number left");
      return false;
  }
  return false;
}

// openBlock(slots, slotBytes, firstSlotByte, chunkBytes, header)
void OpenBlock(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int64_t> numbers[4];
  for (size_t i = 0; i < 4; i++) {
    numbers[i] = AsInteger(env, info[i], 0, i < 2 ? kMaxInt32 : kMaxBytes);
    if (!numbers[i]) {
      return ThrowTypeError(env,
                            "openBlock: slots, slotBytes, firstSlotByte and chunkBytes must be integers, "
                            "not negative, and the first two of 32 bits");
    }
  }
  auto [slots, slot_bytes, first_slot_byte, chunk_bytes] = numbers;
  if (*slots == 0 || *slot_bytes == 0) {
    return ThrowRangeError(env, "openBlock: there must be slots, and they must have bytes");
  }
  if (*slot_bytes % 4 != 0 || *first_slot_byte % 4 != 0 || *chunk_bytes % 4 != 0) {
    return ThrowRangeError(env, "openBlock: slotBytes, firstSlotByte and chunkBytes must be multiples of 4");
  }
  if (*first_slot_byte > *chunk_bytes || *slots * *slot_bytes > *chunk_bytes - *first_slot_byte) {
    return ThrowRangeError(env, "openBlock: the slots must end within the chunk");
  }
  napi_typedarray_type type;
  size_t words;
  void* header;
  if (napi_get_typedarray_info(env, info[4], &type, &words, &header, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array) {
    return ThrowTypeError(env, "openBlock: header must be an Int32Array");
  }
  if (words > static_cast<size_t>(*first_slot_byte / 4)) {
    return ThrowRangeError(env, "openBlock: the header must end before the first slot");
  }
  const Process* process = CommonProcess(env, env.GetInstanceData<State>());
  if (process == nullptr) return;
  Geometry geometry = {static_cast<int32_t>(*slots), static_cast<int32_t>(*slot_bytes), *first_slot_byte,
                       *chunk_bytes};
  Check(env, "openBlock", process->open_block(geometry, static_cast<int32_t*>(header), words));
}

State* StateOf(napi_env env) {
  void* state = nullptr;
  napi_get_instance_data(env, &state);
  return static_cast<State*>(state);
}

// openName(key)
napi_value OpenName(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  State* state = StateOf(env);
  const Process* process = CommonProcess(env, state);
  if (process == nullptr) return nullptr;

  // Most keys fit here, and are fetched in one call. UTF-16, because there lone surrogates stay what they
  // are.
  char16_t shorter[256];
  std::unique_ptr<char16_t[]> longer;
  const char16_t* key = shorter;
  size_t units;
  if (napi_get_value_string_utf16(env, argument, shorter, std::size(shorter), &units) != napi_ok) {
    ThrowTypeError(env, "openName: key must be a string");
    return nullptr;
  }
  if (units + 1 == std::size(shorter)) {  // it may have been cut off
    napi_get_value_string_utf16(env, argument, nullptr, 0, &units);
    longer.reset(new (std::nothrow) char16_t[units + 1]);
    if (longer == nullptr) return Check(env, "openName", Outcome::kNoMemory), nullptr;
    napi_get_value_string_utf16(env, argument, longer.get(), units + 1, &units);
    key = longer.get();
  }

  int32_t slot;
  if (!Check(env, "openName", process->open_name(key, units, &slot))) return nullptr;
  try {
    auto at = static_cast<size_t>(slot);
    if (state->uses.size() <= at) state->uses.resize(at + 1);
    state->uses[at]++;
  } catch (const std::bad_alloc&) {
    process->close_name(slot, 1, false);
    Check(env, "openName", Outcome::kNoMemory);
    return nullptr;
  }
  napi_value number;
  napi_create_int32(env, slot, &number);
  return number;
}

// closeName(slot, keepHeld = false)
napi_value CloseName(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  State* state = StateOf(env);
  std::optional<int32_t> slot = AsInt32(env, arguments[0]);
  bool keep_held = false;
  if (!slot) {
    ThrowTypeError(env, "closeName: slot must be what openName returned");
  } else if (count > 1 && napi_get_value_bool(env, arguments[1], &keep_held) != napi_ok) {
    ThrowTypeError(env, "closeName: keepHeld must be a boolean");
  } else if (auto at = static_cast<size_t>(*slot); at >= state->uses.size() || state->uses[at] == 0) {
    ThrowRangeError(env, "closeName: this thread has no use of slot " + std::to_string(*slot));
  } else {
    state->uses[at]--;
    state->process.process->close_name(*slot, 1, keep_held);
  }
  return nullptr;
}

// chunk(n)
Napi::Value GetChunk(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  const Process* process = CommonProcess(env, state);
  if (process == nullptr) return {};
  std::optional<int32_t> n = AsInt32(env, info[0]);
  if (!n) {
    ThrowTypeError(env, "chunk: n must be a 32-bit integer");
    return {};
  }
  Chunk chunk = process->chunk_at(*n);
  if (chunk.start == nullptr) {
    ThrowRangeError(env, "chunk: there is no chunk " + std::to_string(*n));
    return {};
  }
  // Always the same object: V8 counts the bytes of each as memory of its heap, and each takes its time to
  // make.
  auto at = static_cast<size_t>(*n);
  if (state->chunks.size() <= at) state->chunks.resize(at + 1);
  if (!state->chunks[at].IsEmpty()) return state->chunks[at].Value();
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, chunk.start, chunk.bytes, nullptr, nullptr, &buffer) != napi_ok) {
    ThrowError(env, nullptr,
               "chunk: this Node makes no ArrayBuffer of " + std::to_string(chunk.bytes) +
                   " bytes over memory that it has not allocated");
    return {};
  }
  Napi::ArrayBuffer view(env, buffer);
  state->chunks[at] = Napi::Reference<Napi::ArrayBuffer>::New(view, 1);
  return view;
}

// names()
Napi::Value CountNames(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Process* process = CommonProcess(env, env.GetInstanceData<State>());
  if (process == nullptr) return {};
  return Napi::Number::New(env, process->count_names());
}

// nameAt(slot)
Napi::Value NameAt(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Process* process = CommonProcess(env, env.GetInstanceData<State>());
  if (process == nullptr) return {};
  std::optional<int64_t> slot = AsInteger(env, info[0], 0, std::numeric_limits<int32_t>::max());
  if (!slot) {
    ThrowRangeError(env, "nameAt: slot must be the number of a slot");
    return {};
  }
  std::u16string key(128, u' ');
  for (;;) {
    int64_t units = process->key_at(static_cast<int32_t>(*slot), key.data(), key.size());
    if (units == -2) return env.Null();
    if (units < 0) return env.Undefined();
    bool all = static_cast<size_t>(units) <= key.size();
    key.resize(static_cast<size_t>(units));
    if (all) return Napi::String::New(env, key);
  }
}

}  // namespace

void AddBlock(Napi::Env env, Napi::Object exports) {
  exports["openBlock"] = Napi::Function::New(env, OpenBlock, "openBlock");
  AddCall(env, exports, "openName", OpenName);
  AddCall(env, exports, "closeName", CloseName);
  exports["chunk"] = Napi::Function::New(env, GetChunk, "chunk");
  exports["nameAt"] = Napi::Function::New(env, NameAt, "nameAt");
  exports["names"] = Napi::Function::New(env, CountNames, "names");
}

}  // namespace tierlock
