// Memory of this process that threads share, and waiting on a word of it. One file per system implements this
// (binding.gyp chooses).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tierlock {

// Fresh zeroes. They cost address space only, until they are written to. Null if there are none.
char* MapZeroes(size_t bytes);

enum class Wait : int32_t { kWoken = 0, kNotEqual = 1, kTimedOut = 2 };

// Sleeps while *word is `expected`, for at most `nanoseconds` of a clock that nobody sets. A signal and,
// rarely, nothing at all wake too: whoever was woken looks at the word again.
Wait WaitOnWord(const int32_t* word, int32_t expected, int64_t nanoseconds);

// Wakes up to `count` of those who sleep on the word, and returns how many, as far as the system says.
int32_t WakeWord(const int32_t* word, int32_t count);

}  // namespace tierlock
