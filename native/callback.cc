#include "callback.h"

namespace tierlock {

bool Callback::Open(napi_env env, const char* name, size_t room) {
  napi_value text = Napi::String::New(env, name);
  napi_threadsafe_function calls;
  if (napi_create_threadsafe_function(env, nullptr, nullptr, text, room, 1, nullptr, nullptr, this, Hear,
                                      &calls) != napi_ok) {
    return false;
  }
  napi_unref_threadsafe_function(env, calls);
  calls_ = calls;
  return true;
}

// The number travels as the pointer, so that no memory can run out on the way. Where there is no room, there
// are calls enough on their way already.
void Callback::Call(intptr_t number) {
  napi_call_threadsafe_function(calls_, reinterpret_cast<void*>(number), napi_tsfn_nonblocking);
}

void Callback::Close(bool dropped) {
  napi_release_threadsafe_function(calls_, dropped ? napi_tsfn_abort : napi_tsfn_release);
  calls_ = nullptr;
}

// Without an environment it is gone, and this object may be too. If the exception were not reported here,
// Node would only warn of it.
void Callback::Hear(napi_env env, napi_value, void* context, void* data) {
  if (env == nullptr) return;
  napi_value function, undefined, thrown;
  napi_value number = nullptr;
  auto* self = static_cast<Callback*>(context);
  if (napi_get_reference_value(env, self->function_, &function) != napi_ok) return;
  napi_get_undefined(env, &undefined);
  if (data != nullptr) napi_create_int64(env, reinterpret_cast<intptr_t>(data), &number);
  if (napi_call_function(env, undefined, function, data == nullptr ? 0 : 1, &number, nullptr) == napi_ok)
    return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending && napi_get_and_clear_last_exception(env, &thrown) == napi_ok)
    napi_fatal_exception(env, thrown);
}

}  // namespace tierlock
