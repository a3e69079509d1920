// tryLockFile, waitLockFile, unlockFile and so on: the kernel's locks on files; beginWait and endWait:
// waiting for one without blocking this thread.
//
// A lock is described by up to four arguments: fd, how, start, length. `how` is the kind times two, plus one
// if exclusive; without a start it is the whole file.
//
// The waits of an environment end with it, before it goes: its clean-up ends each, and gives back what came
// too late.
#include <uv.h>

#include <cerrno>
#include <cmath>
#include <limits>

#include "arguments.h"
#include "posix_holds.h"
#include "state.h"

namespace tierlock {
namespace {

constexpr int64_t kMaxOffset = (int64_t{1} << 53) - 1;
// A thread that sleeps here cannot be terminated, so nobody may sleep for long.
constexpr double kMaxMs = 1000;

std::optional<FileLock> AsFileLock(const Napi::CallbackInfo& info, const char* what) {
  std::optional<int64_t> fd = AsInteger(info.Env(), info[0], 0, std::numeric_limits<int32_t>::max());
  std::optional<int64_t> how = AsInteger(info.Env(), info[1], 0, 2 * kFileKinds - 1);
  if (!fd || !how) {
    ThrowTypeError(info.Env(), std::string(what) + ": fd must be a file descriptor, and how from 0 to 5");
    return std::nullopt;
  }
  FileLock lock = {static_cast<int>(*fd), static_cast<FileKind>(*how / 2), static_cast<FileMode>(*how % 2), 0,
                   0};
  if (info.Length() <= 2) return lock;
  std::optional<int64_t> start = AsInteger(info.Env(), info[2], 0, kGates - 1);
  std::optional<int64_t> length = AsInteger(info.Env(), info[3], 0, kGates);
  if (!start || !length || *start + *length > kGates) {
    ThrowTypeError(info.Env(),
                   std::string(what) + ": start and length must be those of a range below 2 ** 52");
    return std::nullopt;
  }
  lock.start = *start;
  lock.length = *length;
  return lock;
}

void ThrowErrno(napi_env env, int error, const char* what) {
  ThrowError(env, uv_err_name(-error), std::string(what) + ": " + uv_strerror(-error));
}

Napi::Value Outcome(Napi::Env env, Locked locked, int error, const char* what) {
  if (locked != Locked::kFailed) return Napi::Number::New(env, static_cast<int32_t>(locked));
  ThrowErrno(env, error, what);
  return {};
}

// tryLockFile(fd, how, start?, length?)
Napi::Value TryLockFile(const Napi::CallbackInfo& info) {
  std::optional<FileLock> lock = AsFileLock(info, "tryLockFile");
  if (!lock) return {};
  Locked locked = TryFileLock(*lock);
  return Outcome(info.Env(), locked, errno, "tryLockFile");
}

// convertLockFile(fd, how, start?, length?)
Napi::Value ConvertLockFile(const Napi::CallbackInfo& info) {
  std::optional<FileLock> lock = AsFileLock(info, "convertLockFile");
  if (!lock) return {};
  Locked locked = ConvertFileLock(*lock);
  return Outcome(info.Env(), locked, errno, "convertLockFile");
}

// waitLockFile(fd, how, start, length, timeoutMs)
Napi::Value WaitLockFile(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<FileLock> lock = AsFileLock(info, "waitLockFile");
  if (!lock) return {};
  double ms;
  if (napi_get_value_double(env, info[4], &ms) != napi_ok || !(ms >= 0 && (ms <= kMaxMs || std::isinf(ms)))) {
    ThrowRangeError(env, "waitLockFile: timeoutMs must be from 0 to 1000, or Infinity");
    return {};
  }
  Locked locked = std::isinf(ms) ? WaitFileLock(*lock) : WaitFileLock(*lock, static_cast<int64_t>(ms * 1e6));
  return Outcome(env, locked, errno, "waitLockFile");
}

// unlockFile(fd, how, start?, length?)
void UnlockFileCall(const Napi::CallbackInfo& info) {
  std::optional<FileLock> lock = AsFileLock(info, "unlockFile");
  if (!lock) return;
  int error = UnlockFile(*lock);
  if (error != 0) ThrowErrno(info.Env(), error, "unlockFile");
}

// whoLocksFile(fd, how, start?, length?)
Napi::Value WhoLocksFile(const Napi::CallbackInfo& info) {
  std::optional<FileLock> lock = AsFileLock(info, "whoLocksFile");
  if (!lock) return {};
  int64_t who = WhoLocks(*lock);
  if (who >= -1) return Napi::Number::New(info.Env(), static_cast<double>(who));
  ThrowErrno(info.Env(), static_cast<int>(-1 - who), "whoLocksFile");
  return {};
}

// isGateClosed(fd, how, start?, length?)
Napi::Value IsGateClosedCall(const Napi::CallbackInfo& info) {
  std::optional<FileLock> lock = AsFileLock(info, "isGateClosed");
  if (!lock) return {};
  return Napi::Boolean::New(info.Env(), IsGateClosed(*lock));
}

// mustStayOpen(fd)
Napi::Value MustStayOpenCall(const Napi::CallbackInfo& info) {
  std::optional<int64_t> fd = AsInteger(info.Env(), info[0], 0, std::numeric_limits<int32_t>::max());
  if (!fd) {
    ThrowTypeError(info.Env(), "mustStayOpen: fd must be a file descriptor");
    return {};
  }
  return Napi::Boolean::New(info.Env(), MustStayOpen(static_cast<int>(*fd)));
}

// From a waiting thread.
void Tell(void* state, int64_t ticket) {
  napi_call_threadsafe_function(static_cast<State*>(state)->wait_done, new int64_t(ticket),
                                napi_tsfn_nonblocking);
}

void Hear(napi_env env, napi_value, void* context, void* data) {
  int64_t ticket = *static_cast<int64_t*>(data);
  delete static_cast<int64_t*>(data);
  if (env == nullptr) return;
  napi_value callback, undefined, number, thrown;
  if (napi_get_reference_value(env, static_cast<State*>(context)->on_wait_done, &callback) != napi_ok) return;
  napi_get_undefined(env, &undefined);
  napi_create_int64(env, ticket, &number);
  if (napi_call_function(env, undefined, callback, 1, &number, nullptr) == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending && napi_get_and_clear_last_exception(env, &thrown) == napi_ok)
    napi_fatal_exception(env, thrown);
}

void EndAllWaits(State* state) {
  for (const auto& [ticket, wait] : state->waits) {
    if (EndWait(wait.waiter).locked == Locked::kYes) UnlockFile(wait.lock);
  }
  state->waits.clear();
  napi_release_threadsafe_function(state->wait_done, napi_tsfn_release);
}

// onWaitDone(callback)
void OnWaitDone(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  if (!info[0].IsFunction()) return ThrowTypeError(env, "onWaitDone: callback must be a function");
  if (state->wait_done == nullptr) {
    napi_value name = Napi::String::New(env, "tierlock:waits");
    if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, state, Hear,
                                        &state->wait_done) != napi_ok) {
      return ThrowError(env, nullptr, "onWaitDone: the event loop of this thread is closed");
    }
    napi_unref_threadsafe_function(env, state->wait_done);
    env.AddCleanupHook(EndAllWaits, state);
  }
  state->on_wait_done = Napi::Persistent(info[0].As<Napi::Function>());
}

// beginWait(fd, how, start?, length?)
Napi::Value BeginWaitCall(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  std::optional<FileLock> lock = AsFileLock(info, "beginWait");
  if (!lock) return {};
  if (state->wait_done == nullptr) {
    ThrowTypeError(env, "beginWait: call onWaitDone first");
    return {};
  }
  int64_t ticket = state->next_wait++;
  Waiter* waiter = BeginWait(*lock, Tell, state, ticket);
  if (waiter == nullptr) return Napi::Number::New(env, 0);
  state->waits.emplace(ticket, FileWait{waiter, *lock});
  return Napi::Number::New(env, static_cast<double>(ticket));
}

// endWait(ticket)
Napi::Value EndWaitCall(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  std::optional<int64_t> ticket = AsInteger(env, info[0], 0, kMaxOffset);
  auto found = ticket ? state->waits.find(*ticket) : state->waits.end();
  if (found == state->waits.end()) {
    ThrowRangeError(env, "endWait: this thread has no such wait");
    return {};
  }
  WaitResult result = EndWait(found->second.waiter);
  state->waits.erase(found);
  constexpr int32_t kLeft = 4;
  if (result.left) return Napi::Number::New(env, kLeft);
  return Outcome(env, result.locked, result.error, "endWait");
}

// limitWaits(count)
void LimitWaitsCall(const Napi::CallbackInfo& info) {
  std::optional<int64_t> count = AsInteger(info.Env(), info[0], 0, 10'000);
  if (!count) return ThrowRangeError(info.Env(), "limitWaits: count must be from 0 to 10000");
  LimitWaits(static_cast<int32_t>(*count));
}

// waits()
Napi::Value CountWaitsCall(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), CountWaits());
}

}  // namespace

void AddFiles(Napi::Env env, Napi::Object exports) {
  exports["tryLockFile"] = Napi::Function::New(env, TryLockFile, "tryLockFile");
  exports["convertLockFile"] = Napi::Function::New(env, ConvertLockFile, "convertLockFile");
  exports["isGateClosed"] = Napi::Function::New(env, IsGateClosedCall, "isGateClosed");
  exports["mustStayOpen"] = Napi::Function::New(env, MustStayOpenCall, "mustStayOpen");
  exports["waitLockFile"] = Napi::Function::New(env, WaitLockFile, "waitLockFile");
  exports["unlockFile"] = Napi::Function::New(env, UnlockFileCall, "unlockFile");
  exports["whoLocksFile"] = Napi::Function::New(env, WhoLocksFile, "whoLocksFile");
  exports["onWaitDone"] = Napi::Function::New(env, OnWaitDone, "onWaitDone");
  exports["beginWait"] = Napi::Function::New(env, BeginWaitCall, "beginWait");
  exports["endWait"] = Napi::Function::New(env, EndWaitCall, "endWait");
  exports["limitWaits"] = Napi::Function::New(env, LimitWaitsCall, "limitWaits");
  exports["waits"] = Napi::Function::New(env, CountWaitsCall, "waits");
}

}  // namespace tierlock
