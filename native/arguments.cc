#include "arguments.h"

#include <limits>

namespace tierlock {

std::optional<int32_t> AsInt32(napi_env env, napi_value argument) {
  using Limits = std::numeric_limits<int32_t>;
  std::optional<int64_t> number = AsInteger(env, argument, Limits::min(), Limits::max());
  if (!number) return std::nullopt;
  return static_cast<int32_t>(*number);
}

// The block is asked for first: it tells its memory by the address, which spares looking at the buffer.
std::optional<Words> AsWords(napi_env env, napi_value argument, State* state) {
  napi_typedarray_type type;
  size_t length;
  void* start;
  // Fails for what is no typed array.
  if (napi_get_typedarray_info(env, argument, &type, &length, &start, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array) {
    return std::nullopt;
  }
  auto lies_in = [start](const Chunk& chunk) {
    return reinterpret_cast<uintptr_t>(start) - reinterpret_cast<uintptr_t>(chunk.start) < chunk.bytes;
  };
  Words words = {static_cast<int32_t*>(start), length, lies_in(state->last_chunk)};
  if (words.mapped) return words;

  // A plain ArrayBuffer could be detached while we point into it. (It answers true here, a shared one false.)
  napi_value buffer;
  bool plain;
  if (napi_get_typedarray_info(env, argument, nullptr, nullptr, nullptr, &buffer, nullptr) != napi_ok ||
      napi_is_arraybuffer(env, buffer, &plain) != napi_ok) {
    return std::nullopt;
  }
  if (!plain) return words;
  if (state->process.layout != TIERLOCK_LAYOUT) return std::nullopt;
  Chunk chunk = state->process.process->chunk_around(start);
  if (chunk.start == nullptr) return std::nullopt;
  state->last_chunk = chunk;
  words.mapped = true;
  return words;
}

int32_t* AsWord(napi_env env, const std::optional<Words>& words, const std::optional<int32_t>& index,
                const char* what) {
  if (!words) {
    ThrowTypeError(env,
                   std::string(what) +
                       ": words must be an Int32Array on a SharedArrayBuffer or on a chunk of the block");
    return nullptr;
  }
  if (!index) {
    ThrowTypeError(env, std::string(what) + ": index must be a 32-bit integer");
    return nullptr;
  }
  if (*index < 0 || static_cast<size_t>(*index) >= words->length) {
    ThrowRangeError(env, std::string(what) + ": the index lies outside of the words");
    return nullptr;
  }
  return words->start + *index;
}

// The plain functions, because a thread that is being terminated can throw no more: they only say so.
void AddCall(napi_env env, napi_value exports, const char* name, napi_callback call) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function) != napi_ok) return;
  napi_set_named_property(env, exports, name, function);
}

void ThrowError(napi_env env, const char* code, const std::string& message) {
  napi_throw_error(env, code, message.c_str());
}

void ThrowTypeError(napi_env env, const std::string& message) {
  napi_throw_type_error(env, nullptr, message.c_str());
}

void ThrowRangeError(napi_env env, const std::string& message) {
  napi_throw_range_error(env, nullptr, message.c_str());
}

const Process* CommonProcess(napi_env env, State* state) {
  if (state->process.layout == TIERLOCK_LAYOUT) return state->process.process;
  ThrowError(
      env, "ERR_LOCK_LAYOUT",
      "another release of tierlock was loaded into this process first, and it lays out what the threads "
      "share differently (" +
          std::to_string(state->process.layout) + ", not " + std::to_string(TIERLOCK_LAYOUT) +
          "): make all packages of this process use one release");
  return nullptr;
}

}  // namespace tierlock
