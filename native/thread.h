// Who a thread is, and whether it still lives. One file per system implements this (binding.gyp chooses).
#pragma once

#include <cstdint>

namespace tierlock {

// The kernel's number of the calling thread, never 0. Unique among the threads that live, reused later: ask
// ThreadAlive() soon, and never keep a number longer than something that would notice the thread's end.
int32_t CurrentThreadId();

// Whether a thread of this process has that number now. Makes one system call.
bool ThreadAlive(int32_t id);

}  // namespace tierlock
