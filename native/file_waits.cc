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
  static_cast<State*>(state)->wait_done.Call(static_cast<intptr_t>(ticket));
}

void EndAllWaits(State* state) {
  for (const auto& [ticket, wait] : state->waits) {
    if (EndWait(wait.waiter).locked == Locked::kYes) UnlockFile(wait.lock);
  }
  state->waits.clear();
  state->wait_done.Close();
}

// onWaitDone(callback)
void OnWaitDone(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  if (!info[0].IsFunction()) return ThrowTypeError(env, "onWaitDone: callback must be a function");
  if (!state->wait_done.open()) {
    if (!state->wait_done.Open(env, "tierlock:waits", 0))
      return ThrowError(env, nullptr, "onWaitDone: the event loop of this thread is closed");
    env.AddCleanupHook(EndAllWaits, state);
  }
  state->wait_done.Set(info[0].As<Napi::Function>());
}

// beginWait(fd, how, start?, length?)
napi_value BeginWaitCall(napi_env env, napi_callback_info info) {
  FileCall call(env, info, "beginWait");
  State* state = Napi::Env(env).GetInstanceData<State>();
  FileLock lock;
  if (!ReadLock(call, &lock)) return nullptr;
  if (!state->wait_done.open()) {
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
