// The native half: what JavaScript cannot ask the system for. Glue only; each subject has a file of its own.
//
// Loaded once per thread (environment). Each environment has one State. Its clean-up hook runs on that thread
// whatever ended it: a return, an error, process.exit, worker.terminate() or memory running out.
#include <napi.h>

#include <atomic>
#include <vector>

#include "thread.h"

namespace tierlock {
namespace {

// Raised with every change of what this file exports; src/addon.ts asks for the same number.
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

Napi::Value ThreadId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), CurrentThreadId());
}

Napi::Value IsThreadAlive(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), ThreadAlive(info[0].ToNumber().Int32Value()));
}

// onThreadEnd(words, index, value)
void OnThreadEnd(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  // A plain ArrayBuffer could be detached while we point into it. (It answers true here, a shared one false.)
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array ||
      info[0].As<Napi::TypedArray>().ArrayBuffer().IsArrayBuffer()) {
    Napi::TypeError::New(env, "onThreadEnd: words must be an Int32Array on a SharedArrayBuffer")
        .ThrowAsJavaScriptException();
    return;
  }
  auto words = info[0].As<Napi::Int32Array>();
  int64_t index = info[1].ToNumber().Int64Value();
  if (index < 0 || static_cast<size_t>(index) >= words.ElementLength()) {
    Napi::RangeError::New(env, "onThreadEnd: the index lies outside of the words")
        .ThrowAsJavaScriptException();
    return;
  }
  env.GetInstanceData<State>()->last_words.push_back({Napi::Reference<Napi::Int32Array>::New(words, 1),
                                                      reinterpret_cast<Word*>(words.Data() + index),
                                                      info[2].ToNumber().Int32Value()});
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
