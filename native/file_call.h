// The calls about files, as JavaScript makes them. Plain N-API: to go through node-addon-api's wrapper takes
// a tenth of the time that a lock and its release take.
//
// A lock is described by up to four arguments: fd, how, start, length. `how` is the kind times two, plus one
// if exclusive; without a start it is the whole file.
#pragma once

#include <napi.h>

#include <cstddef>

#include "file_lock.h"

namespace tierlock {

struct FileCall {
  static constexpr size_t kMost = 5;

  FileCall(napi_env env, napi_callback_info info, const char* what) : env(env), what(what) {
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  }

  napi_env env;
  const char* what;  // begins the message of an error
  size_t count = kMost;
  napi_value arguments[kMost];  // undefined from `count` on
};

// The lock that it is about; the arguments of a range begin with number `range`. False, and an error is
// thrown, if there is none.
bool ReadLock(const FileCall& call, FileLock* lock, size_t range = 2);

// What JavaScript is told. For kFailed an error is thrown instead.
napi_value Outcome(const FileCall& call, Locked locked, int error);

napi_value Number(napi_env env, double number);

}  // namespace tierlock
