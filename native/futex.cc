// futexWait and futexWake: sleeping on a word that Atomics.wait refuses, because it lies in the block.
#include <limits>

#include "arguments.h"
#include "memory.h"
#include "state.h"

namespace tierlock {
namespace {

// A thread that sleeps here cannot be terminated, so nobody may sleep for long.
constexpr double kMaxMs = 1000;

// futexWait(words, index, expected, timeoutMs)
Napi::Value FutexWait(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int32_t* word =
      AsWord(env, AsWords(env, info[0], env.GetInstanceData<State>()), AsInt32(env, info[1]), "futexWait");
  if (word == nullptr) return {};
  std::optional<int32_t> expected = AsInt32(env, info[2]);
  double ms;
  if (!expected || napi_get_value_double(env, info[3], &ms) != napi_ok) {
    ThrowTypeError(env, "futexWait: expected must be a 32-bit integer, and timeoutMs a number");
    return {};
  }
  if (!(ms >= 0 && ms <= kMaxMs)) {
    ThrowRangeError(env, "futexWait: timeoutMs must be from 0 to 1000");
    return {};
  }
  Wait result = WaitOnWord(word, *expected, static_cast<int64_t>(ms * 1e6));
  return Napi::Number::New(env, static_cast<int32_t>(result));
}

// futexWake(words, index, count)
Napi::Value FutexWake(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int32_t* word =
      AsWord(env, AsWords(env, info[0], env.GetInstanceData<State>()), AsInt32(env, info[1]), "futexWake");
  if (word == nullptr) return {};
  std::optional<int64_t> count = AsInteger(env, info[2], 0, std::numeric_limits<int32_t>::max());
  if (!count) {
    ThrowTypeError(env, "futexWake: count must be a 32-bit integer, not negative");
    return {};
  }
  if (*count == 0) return Napi::Number::New(env, 0);
  return Napi::Number::New(env, WakeWord(word, static_cast<int32_t>(*count)));
}

}  // namespace

void AddFutex(Napi::Env env, Napi::Object exports) {
  exports["futexWait"] = Napi::Function::New(env, FutexWait, "futexWait");
  exports["futexWake"] = Napi::Function::New(env, FutexWake, "futexWake");
}

}  // namespace tierlock
