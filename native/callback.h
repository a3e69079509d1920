// A function of JavaScript that other threads have called on the event loop of the thread whose it is. It
// does not keep the loop alive, and what it throws is an uncaught exception.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace tierlock {

class Callback {
 public:
  bool open() const { return calls_ != nullptr; }

  // Lets others call; only so many calls are kept, or all if `room` is 0. `name` is for whoever looks what an
  // event loop is busy with. False if the loop is closed already.
  bool Open(napi_env env, const char* name, size_t room);

  // Which function it is.
  void Set(const Napi::Function& function) { function_ = Napi::Persistent(function); }

  // From any thread: has it called soon, with that number, or with nothing if it is 0.
  void Call(intptr_t number);

  // Nobody calls any more. With `dropped`, nor are those heard who have called.
  void Close(bool dropped = false);

 private:
  static void Hear(napi_env env, napi_value, void* context, void* data);

  napi_threadsafe_function calls_ = nullptr;
  Napi::FunctionReference function_;
};

}  // namespace tierlock
