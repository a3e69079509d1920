// The native half: what JavaScript cannot ask the system for. Glue only; each subject has a file of its own.
//
// Loaded once per thread (environment). Each environment has one State. Its clean-up hook runs on that thread
// whatever ended it: a return, an error, process.exit, worker.terminate() or memory running out. Only the
// main thread's may be left out: when process.exit or an uncaught error ends it, the process ends with it.
#include <napi.h>

#include "arguments.h"
#include "clock.h"
#include "state.h"
#include "thread.h"

namespace tierlock {
namespace {

// Raised with every change of what this file exports; load.mjs asks for the same number.
constexpr int kVersion = 6;

Napi::Value ThreadId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), CurrentThreadId());
}

// threadAlive(id)
Napi::Value IsThreadAlive(const Napi::CallbackInfo& info) {
  std::optional<int32_t> id = AsInt32(info.Env(), info[0]);
  if (!id) {
    ThrowTypeError(info.Env(), "threadAlive: id must be a 32-bit integer");
    return {};
  }
  return Napi::Boolean::New(info.Env(), ThreadAlive(*id));
}

Napi::Value Uptime(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), UptimeMs()); }

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new State(CurrentThreadId()));  // deletes it with the environment, which is after
  AddEnds(env, exports);                              // its hook: hooks run in reverse order
  AddRing(env, exports);
  AddBlock(env, exports);
  AddFutex(env, exports);
  AddFiles(env, exports);
  AddFileWaits(env, exports);
  AddMappedFiles(env, exports);
  exports["version"] = Napi::Number::New(env, kVersion);
  exports["threadId"] = Napi::Function::New(env, ThreadId, "threadId");
  exports["uptime"] = Napi::Function::New(env, Uptime, "uptime");
  exports["threadAlive"] = Napi::Function::New(env, IsThreadAlive, "threadAlive");
  return exports;
}

}  // namespace
}  // namespace tierlock

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return tierlock::Init(env, exports); }
NODE_API_MODULE(tierlock, Init)
