// onWaitDone, beginWait, endWait: waiting for the lock of a file without blocking this thread.
//
// The waits of an environment end with it, before it goes: its clean-up ends each, and gives back what came
// too late.
#include "arguments.h"
#include "file_call.h"
#include "state.h"

namespace tierlock {
namespace {

constexpr int64_t kMaxTicket = (int64_t{1} << 53) - 1;

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
napi_value BeginWaitCall(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "beginWait");
  State* state = Napi::Env(env).GetInstanceData<State>();
  FileLock lock;
  if (!ReadLock(call, &lock)) return nullptr;
  if (state->wait_done == nullptr) {
    ThrowTypeError(env, "beginWait: call onWaitDone first");
    return nullptr;
  }
  int64_t ticket = state->next_wait++;
  Waiter* waiter = BeginWait(lock, Tell, state, ticket);
  if (waiter == nullptr) return Number(env, 0);
  state->waits.emplace(ticket, FileWait{waiter, lock});
  return Number(env, static_cast<double>(ticket));
}

// endWait(ticket)
napi_value EndWaitCall(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "endWait");
  State* state = Napi::Env(env).GetInstanceData<State>();
  std::optional<int64_t> ticket = AsInteger(env, call.arguments[0], 0, kMaxTicket);
  auto found = ticket ? state->waits.find(*ticket) : state->waits.end();
  if (found == state->waits.end()) {
    ThrowRangeError(env, "endWait: this thread has no such wait");
    return nullptr;
  }
  WaitResult result = EndWait(found->second.waiter);
  state->waits.erase(found);
  constexpr int32_t kLeft = 4;
  return result.left ? Number(env, kLeft) : Outcome(call, result.locked, result.error);
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

void AddFileWaits(Napi::Env env, Napi::Object exports) {
  AddCall(env, exports, "beginWait", BeginWaitCall);
  AddCall(env, exports, "endWait", EndWaitCall);
  exports["onWaitDone"] = Napi::Function::New(env, OnWaitDone, "onWaitDone");
  exports["limitWaits"] = Napi::Function::New(env, LimitWaitsCall, "limitWaits");
  exports["waits"] = Napi::Function::New(env, CountWaitsCall, "waits");
}

}  // namespace tierlock
