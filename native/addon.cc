// The native half: what JavaScript cannot ask the system for. Glue only; each subject has a file of its own.
//
// Loaded once per thread (environment). Each environment has one State. Its clean-up hook runs on that thread
// whatever ended it: a return, an error, process.exit, worker.terminate() or memory running out. Only the
// main thread's may be left out: when process.exit or an uncaught error ends it, the process ends with it.
#include <napi.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "thread.h"

namespace tierlock {
namespace {

// Raised with every change of what this file exports; load.mjs asks for the same number.
constexpr int kVersion = 1;

using Word = std::atomic<int32_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == sizeof(int32_t),
              "an element of an Int32Array must serve as an atomic");

// A promise to store `value` into `word` when the thread ends. `view` keeps the memory until then, even when
// JavaScript has dropped all of it. The pointer stays right because shared memory is never moved or detached.
struct LastWord {
  Napi::Reference<Napi::Int32Array> view;
  Word* word;
  int32_t value;
};

struct State {
  std::vector<LastWord> last_words;
};

void AtEndOfThread(State* state) {
  for (const LastWord& last : state->last_words) last.word->store(last.value);
}

void ThrowTypeError(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
}

// The argument if it is a number that an int32_t can hold. Nothing is converted: a conversion can run the
// caller's code, can fail, and would make index 0 out of a forgotten or misspelt one.
std::optional<int32_t> AsInt32(const Napi::Value& argument) {
  if (!argument.IsNumber()) return std::nullopt;
  double number = argument.As<Napi::Number>().DoubleValue();
  constexpr double kMin = std::numeric_limits<int32_t>::min();
  constexpr double kMax = std::numeric_limits<int32_t>::max();
  if (!(number >= kMin && number <= kMax) || number != std::trunc(number)) return std::nullopt;
  return static_cast<int32_t>(number);
}

// A plain ArrayBuffer could be detached while we point into it. (It answers true here, a shared one false.)
bool IsSharedInt32Array(const Napi::Value& argument) {
  return argument.IsTypedArray() && argument.As<Napi::TypedArray>().TypedArrayType() == napi_int32_array &&
         !argument.As<Napi::TypedArray>().ArrayBuffer().IsArrayBuffer();
}

Napi::Value ThreadId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), CurrentThreadId());
}

// threadAlive(id)
Napi::Value IsThreadAlive(const Napi::CallbackInfo& info) {
  std::optional<int32_t> id = AsInt32(info[0]);
  if (!id) {
    ThrowTypeError(info.Env(), "threadAlive: id must be a 32-bit integer");
    return {};
  }
  return Napi::Boolean::New(info.Env(), ThreadAlive(*id));
}

// onThreadEnd(words, index, value)
void OnThreadEnd(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int32_t> index = AsInt32(info[1]);
  std::optional<int32_t> value = AsInt32(info[2]);
  if (!IsSharedInt32Array(info[0])) {
    return ThrowTypeError(env, "onThreadEnd: words must be an Int32Array on a SharedArrayBuffer");
  }
  if (!index || !value) {
    return ThrowTypeError(env, "onThreadEnd: index and value must be 32-bit integers");
  }
  auto words = info[0].As<Napi::Int32Array>();
  if (*index < 0 || static_cast<size_t>(*index) >= words.ElementLength()) {
    Napi::RangeError::New(env, "onThreadEnd: the index lies outside of the words")
        .ThrowAsJavaScriptException();
    return;
  }
  env.GetInstanceData<State>()->last_words.push_back({Napi::Reference<Napi::Int32Array>::New(words, 1),
                                                      reinterpret_cast<Word*>(words.Data() + *index),
                                                      *value});
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* state = new State();
  env.SetInstanceData(state);                // deletes it with the environment, which is after
  env.AddCleanupHook(AtEndOfThread, state);  // this: hooks run in reverse order
  exports["version"] = Napi::Number::New(env, kVersion);
  exports["threadId"] = Napi::Function::New(env, ThreadId, "threadId");
  exports["threadAlive"] = Napi::Function::New(env, IsThreadAlive, "threadAlive");
  exports["onThreadEnd"] = Napi::Function::New(env, OnThreadEnd, "onThreadEnd");
  return exports;
}

}  // namespace
}  // namespace tierlock

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return tierlock::Init(env, exports); }
NODE_API_MODULE(tierlock, Init)
