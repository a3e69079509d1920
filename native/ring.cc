// onRing and ring: this thread's bell (bells.h), heard on its event loop.
//
// The bell is a threadsafe function with room for one call: rings coalesce there, and one that comes while
// the callback runs is heard after it. It does not keep the loop alive. Its clean-up is the first to run when
// the environment ends, as the last to be added: from then on nobody can ring, and only then is the function
// closed.
#include "arguments.h"
#include "state.h"

namespace tierlock {
namespace {

// From any thread. Full means that a ring is on its way already.
void Ring(void* state) {
  napi_call_threadsafe_function(static_cast<State*>(state)->ring, nullptr, napi_tsfn_nonblocking);
}

void Unhang(State* state) {
  state->process.process->unhang(state);
  napi_release_threadsafe_function(state->ring, napi_tsfn_release);
}

// Without an environment it is gone, and its State may be too. What the callback throws is an uncaught
// exception; otherwise Node would only warn of it.
void Hear(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  napi_value callback, undefined, thrown;
  if (napi_get_reference_value(env, static_cast<State*>(context)->on_ring, &callback) != napi_ok) return;
  napi_get_undefined(env, &undefined);
  if (napi_call_function(env, undefined, callback, 0, nullptr, nullptr) == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending && napi_get_and_clear_last_exception(env, &thrown) == napi_ok)
    napi_fatal_exception(env, thrown);
}

// onRing(callback)
void OnRing(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  if (!info[0].IsFunction()) return ThrowTypeError(env, "onRing: callback must be a function");
  const Process* process = CommonProcess(env, state);
  if (process == nullptr) return;
  if (state->ring == nullptr) {
    napi_value name = Napi::String::New(env, "tierlock:ring");
    napi_threadsafe_function ring;
    if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 1, 1, nullptr, nullptr, state, Hear,
                                        &ring) != napi_ok) {
      return ThrowError(env, nullptr, "onRing: the event loop of this thread is closed");
    }
    napi_unref_threadsafe_function(env, ring);
    state->ring = ring;
    if (!process->hang({state->thread, Ring, state})) {
      napi_release_threadsafe_function(ring, napi_tsfn_abort);
      state->ring = nullptr;
      return ThrowError(env, "ENOMEM", "onRing: out of memory");
    }
    env.AddCleanupHook(Unhang, state);
  }
  state->on_ring = Napi::Persistent(info[0].As<Napi::Function>());
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
