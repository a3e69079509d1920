// What an environment does when it ends: it stores its last words, drops its uses of names, and then, when
// all of that can be seen, rings the other threads' bells.
#include <limits>

#include "arguments.h"
#include "state.h"

namespace tierlock {
namespace {

void AtEndOfThread(State* state) {
  for (const auto& [ticket, last] : state->last_words) last.word->store(last.value);
  if (state->process.layout != TIERLOCK_LAYOUT) return;
  const Process* process = state->process.process;
  for (size_t slot = 0; slot < state->uses.size(); slot++) {
    if (state->uses[slot] > 0) process->close_name(static_cast<int32_t>(slot), state->uses[slot], true);
  }
  process->ring_others(state->thread);
}

// onThreadEnd(words, index, value)
Napi::Value OnThreadEnd(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  State* state = env.GetInstanceData<State>();
  std::optional<Words> words = AsWords(env, info[0], state);
  std::optional<int32_t> value = AsInt32(env, info[2]);
  int32_t* word = AsWord(env, words, AsInt32(env, info[1]), "onThreadEnd");
  if (word == nullptr) return {};
  if (!value) {
    ThrowTypeError(env, "onThreadEnd: value must be a 32-bit integer");
    return {};
  }
  Napi::Reference<Napi::Int32Array> view;
  if (!words->mapped) view = Napi::Reference<Napi::Int32Array>::New(info[0].As<Napi::Int32Array>(), 1);
  int64_t ticket = state->next_ticket++;
  state->last_words.emplace_hint(state->last_words.end(), ticket,
                                 LastWord{std::move(view), reinterpret_cast<Word*>(word), *value});
  return Napi::Number::New(env, static_cast<double>(ticket));
}

// forgetThreadEnd(ticket)
void ForgetThreadEnd(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  std::optional<int64_t> ticket = AsInteger(env, info[0], 0, (int64_t{1} << 53) - 1);
  if (!ticket) return ThrowTypeError(env, "forgetThreadEnd: ticket must be what onThreadEnd returned");
  if (env.GetInstanceData<State>()->last_words.erase(*ticket) == 0) {
    ThrowRangeError(env, "forgetThreadEnd: this thread has no promise " + std::to_string(*ticket));
  }
}

}  // namespace

void AddEnds(Napi::Env env, Napi::Object exports) {
  env.AddCleanupHook(AtEndOfThread, env.GetInstanceData<State>());
  exports["onThreadEnd"] = Napi::Function::New(env, OnThreadEnd, "onThreadEnd");
  exports["forgetThreadEnd"] = Napi::Function::New(env, ForgetThreadEnd, "forgetThreadEnd");
}

}  // namespace tierlock
