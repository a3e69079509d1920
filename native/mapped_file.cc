// mapFile: a file as memory that processes share.
//
// A file is mapped once in this process, and until it ends: whatever JavaScript keeps or drops, the memory
// stays. It keeps the file, too, so no other file gets its identity meanwhile. A file that is cut short under
// its mapping kills whoever reads beyond its end, so nothing of tierlock ever cuts one.
#include "mapped_file.h"

#include <uv.h>

#include <cerrno>
#include <limits>
#include <map>
#include <mutex>
#include <tuple>

#include "arguments.h"
#include "state.h"

namespace tierlock {
namespace {

// Far more than anybody has asked for, and far less than an address can be.
constexpr int64_t kMaxBytes = int64_t{1} << 30;

struct Mappings {
  std::mutex mutex;
  std::map<std::tuple<uint64_t, uint64_t, size_t>, char*> known;  // by device, number and length
};

// Never destroyed: a thread may still end while the process does.
Mappings& TheMappings() {
  static Mappings& mappings = *new Mappings();
  return mappings;
}

// Null, and errno says why, if it cannot be done.
char* MapOnce(int fd, size_t bytes, const FileIdentity& file) {
  Mappings& mappings = TheMappings();
  std::lock_guard<std::mutex> lock(mappings.mutex);
  try {
    char*& at = mappings.known[{file.device, file.number, bytes}];
    if (at == nullptr) at = MapShared(fd, bytes);
    return at;
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return nullptr;
  }
}

Napi::Value Fail(napi_env env, int error) {
  ThrowError(env, uv_err_name(-error), std::string("mapFile: ") + uv_strerror(-error));
  return {};
}

// mapFile(fd, bytes)
Napi::Value MapFileCall(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  std::optional<int64_t> fd = AsInteger(env, info[0], 0, std::numeric_limits<int32_t>::max());
  std::optional<int64_t> bytes = AsInteger(env, info[1], 1, kMaxBytes);
  if (!fd || !bytes) {
    ThrowTypeError(env, "mapFile: fd must be a file descriptor, and bytes from 1 to 2 ** 30");
    return {};
  }
  FileIdentity file;
  if (!Identify(static_cast<int>(*fd), &file)) return Fail(env, errno);
  if (!file.regular || file.bytes < static_cast<uint64_t>(*bytes)) {
    ThrowRangeError(env, "mapFile: the file must be a regular one, and have that many bytes");
    return {};
  }
  char* start = MapOnce(static_cast<int>(*fd), static_cast<size_t>(*bytes), file);
  if (start == nullptr) return Fail(env, errno);

  // Always the same object for the same memory, as chunk() has it.
  auto found = state->mapped.find(start);
  if (found != state->mapped.end()) return found->second.Value();
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, start, static_cast<size_t>(*bytes), nullptr, nullptr, &buffer) !=
      napi_ok) {
    ThrowError(env, nullptr, "mapFile: this Node makes no ArrayBuffer over memory that it has not allocated");
    return {};
  }
  Napi::ArrayBuffer view(env, buffer);
  state->mapped.emplace(start, Napi::Reference<Napi::ArrayBuffer>::New(view, 1));
  return view;
}

}  // namespace

void AddMappedFiles(Napi::Env env, Napi::Object exports) {
  exports["mapFile"] = Napi::Function::New(env, MapFileCall, "mapFile");
}

}  // namespace tierlock
