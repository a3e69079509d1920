// What JavaScript hands over, and the errors that say what is wrong with it. Nothing is ever converted: a
// conversion can run the caller's code, can fail, and would make index 0 out of a forgotten or misspelt one.
#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>

#include "state.h"

namespace tierlock {

// The argument if it is an integer between these two, neither of which is beyond 2 ** 53. (Here, because a
// lock of a file reads four of them, and to call for each shows.)
inline std::optional<int64_t> AsInteger(napi_env env, napi_value argument, int64_t min, int64_t max) {
  double number;
  if (napi_get_value_double(env, argument, &number) != napi_ok) return std::nullopt;
  if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max))) return std::nullopt;
  auto whole = static_cast<int64_t>(number);
  if (static_cast<double>(whole) != number) return std::nullopt;
  return whole;
}

std::optional<int32_t> AsInt32(napi_env env, napi_value argument);

struct Words {
  int32_t* start;
  size_t length;
  bool mapped;  // in the block: there until the process ends, whoever has dropped it
};

// The argument if it is an Int32Array whose memory is never moved nor detached: a SharedArrayBuffer or the
// block.
std::optional<Words> AsWords(napi_env env, napi_value argument, State* state);

// That word of them; null, and an error is thrown, if it is none. `what` begins the message.
int32_t* AsWord(napi_env env, const std::optional<Words>& words, const std::optional<int32_t>& index,
                const char* what);

// A function in plain N-API: to go through node-addon-api's wrapper shows where a call takes a tenth of a
// microsecond.
void AddCall(napi_env env, napi_value exports, const char* name, napi_callback call);

void ThrowError(napi_env env, const char* code, const std::string& message);
void ThrowTypeError(napi_env env, const std::string& message);
void ThrowRangeError(napi_env env, const std::string& message);

// What all threads of the process have in common; null, and an error is thrown, where another release of this
// package has come first and laid it out otherwise.
const Process* CommonProcess(napi_env env, State* state);

}  // namespace tierlock
