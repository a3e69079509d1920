// onRing and ring: this thread's bell (bells.h), heard on its event loop.
//
// The callback has room for one call: rings coalesce there, and one that comes while it runs is heard after
// it. Its clean-up is the first to run when the environment ends, as the last to be added: from then on
// nobody can ring, and only then is it closed.
#include "arguments.h"
#include "state.h"

namespace tierlock {
namespace {

// From any thread.
void Ring(void* state) { static_cast<State*>(state)->ring.Call(0); }

void Unhang(State* state) {
  state->process.process->unhang(state);
  state->ring.Close();
}

// onRing(callback)
void OnRing(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  if (!info[0].IsFunction()) return ThrowTypeError(env, "onRing: callback must be a function");
  const Process* process = CommonProcess(env, state);
  if (process == nullptr) return;
  if (!state->ring.open()) {
    if (!state->ring.Open(env, "tierlock:ring", 1))
      return ThrowError(env, nullptr, "onRing: the event loop of this thread is closed");
    if (!process->hang({state->thread, Ring, state})) {
      state->ring.Close(true);
      return ThrowError(env, "ENOMEM", "onRing: out of memory");
    }
    env.AddCleanupHook(Unhang, state);
  }
  state->ring.Set(info[0].As<Napi::Function>());
}

// ring(tid)
Napi::Value RingThread(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> thread = AsInt32(env, info[0]);
  if (!thread) {
    ThrowTypeError(env, "ring: id must be a 32-bit integer");
    return {};
  }
  const Process* process = CommonProcess(env, env.GetInstanceData<State>());
  if (process == nullptr) return {};
  return Napi::Boolean::New(env, process->ring(*thread));
}

}  // namespace

void AddRing(Napi::Env env, Napi::Object exports) {
  exports["onRing"] = Napi::Function::New(env, OnRing, "onRing");
  exports["ring"] = Napi::Function::New(env, RingThread, "ring");
}

}  // namespace tierlock
