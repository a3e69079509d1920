// tryLockFile, waitLockFile, unlockFile and so on: the kernel's locks on files.
#include <uv.h>

#include <cerrno>
#include <cmath>
#include <limits>

#include "arguments.h"
#include "file_call.h"
#include "posix_holds.h"
#include "state.h"

namespace tierlock {
namespace {

// A thread that sleeps here cannot be terminated, so nobody may sleep for long.
constexpr double kMaxMs = 1000;

napi_value ThrowErrno(const FileCall& call, int error) {
  ThrowError(call.env, uv_err_name(-error), std::string(call.what) + ": " + uv_strerror(-error));
  return nullptr;
}

napi_value Boolean(napi_env env, bool value) {
  napi_value result;
  return napi_get_boolean(env, value, &result) == napi_ok ? result : nullptr;
}

// The system's word for it is still in errno.
napi_value Tell(const FileCall& call, Locked locked) { return Outcome(call, locked, errno); }

// tryLockFile(fd, how, start?, length?)
napi_value TryLockFile(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "tryLockFile");
  FileLock lock;
  return ReadLock(call, &lock) ? Tell(call, TryFileLock(lock)) : nullptr;
}

// convertLockFile(fd, how, start?, length?)
napi_value ConvertLockFile(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "convertLockFile");
  FileLock lock;
  return ReadLock(call, &lock) ? Tell(call, ConvertFileLock(lock)) : nullptr;
}

// waitLockFile(fd, how, timeoutMs, start?, length?)
napi_value WaitLockFile(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "waitLockFile");
  FileLock lock;
  if (!ReadLock(call, &lock, 3)) return nullptr;
  double ms;
  if (napi_get_value_double(env, call.arguments[2], &ms) != napi_ok ||
      !(ms >= 0 && (ms <= kMaxMs || std::isinf(ms)))) {
    ThrowRangeError(env, "waitLockFile: timeoutMs must be from 0 to 1000, or Infinity");
    return nullptr;
  }
  return Tell(call, std::isinf(ms) ? WaitFileLock(lock) : WaitFileLock(lock, static_cast<int64_t>(ms * 1e6)));
}

// unlockFile(fd, how, start?, length?)
napi_value UnlockFileCall(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "unlockFile");
  FileLock lock;
  if (!ReadLock(call, &lock)) return nullptr;
  int error = UnlockFile(lock);
  return error == 0 ? nullptr : ThrowErrno(call, error);
}

// whoLocksFile(fd, how, start?, length?)
napi_value WhoLocksFile(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "whoLocksFile");
  FileLock lock;
  if (!ReadLock(call, &lock)) return nullptr;
  int64_t who = WhoLocks(lock);
  return who >= -1 ? Number(env, static_cast<double>(who)) : ThrowErrno(call, static_cast<int>(-1 - who));
}

// isGateClosed(fd, how, start?, length?)
napi_value IsGateClosedCall(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "isGateClosed");
  FileLock lock;
  return ReadLock(call, &lock) ? Boolean(env, IsGateClosed(lock)) : nullptr;
}

// mustStayOpen(fd)
napi_value MustStayOpenCall(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "mustStayOpen");
  std::optional<int64_t> fd = AsInteger(env, call.arguments[0], 0, std::numeric_limits<int32_t>::max());
  if (fd) return Boolean(env, MustStayOpen(static_cast<int>(*fd)));
  ThrowTypeError(env, "mustStayOpen: fd must be a file descriptor");
  return nullptr;
}

}  // namespace

bool ReadLock(const FileCall& call, FileLock* lock, size_t range) {
  std::optional<int64_t> fd = AsInteger(call.env, call.arguments[0], 0, std::numeric_limits<int32_t>::max());
  std::optional<int64_t> how = AsInteger(call.env, call.arguments[1], 0, 2 * kFileKinds - 1);
  if (!fd || !how) {
    ThrowTypeError(call.env, std::string(call.what) + ": fd must be a file descriptor, and how from 0 to 5");
    return false;
  }
  *lock = {static_cast<int>(*fd), static_cast<FileKind>(*how / 2), static_cast<FileMode>(*how % 2), 0, 0};
  if (call.count <= range) return true;
  std::optional<int64_t> start = AsInteger(call.env, call.arguments[range], 0, kGates - 1);
  std::optional<int64_t> length = AsInteger(call.env, call.arguments[range + 1], 0, kGates);
  if (!start || !length || *start + *length > kGates) {
    ThrowTypeError(call.env,
                   std::string(call.what) + ": start and length must be those of a range below 2 ** 52");
    return false;
  }
  lock->start = *start;
  lock->length = *length;
  return true;
}

napi_value Outcome(const FileCall& call, Locked locked, int error) {
  if (locked == Locked::kFailed) return ThrowErrno(call, error);
  napi_value result;
  return napi_create_int32(call.env, static_cast<int32_t>(locked), &result) == napi_ok ? result : nullptr;
}

napi_value Number(napi_env env, double number) {
  napi_value result;
  return napi_create_double(env, number, &result) == napi_ok ? result : nullptr;
}

void AddFiles(Napi::Env env, Napi::Object exports) {
  AddCall(env, exports, "tryLockFile", TryLockFile);
  AddCall(env, exports, "convertLockFile", ConvertLockFile);
  AddCall(env, exports, "waitLockFile", WaitLockFile);
  AddCall(env, exports, "unlockFile", UnlockFileCall);
  AddCall(env, exports, "whoLocksFile", WhoLocksFile);
  AddCall(env, exports, "isGateClosed", IsGateClosedCall);
  AddCall(env, exports, "mustStayOpen", MustStayOpenCall);
}

}  // namespace tierlock
