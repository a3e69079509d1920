// Threads that wait for a kernel's file lock in the place of one that must not be blocked. They are none of
// libuv's pool: whoever fills that with waits keeps everybody else in the process from reading files.
#pragma once

#include <cstdint>

#include "file_lock.h"

namespace tierlock {

class Waiter;

// Told on the waiting thread, before the wait counts as done; not any more once EndWait has returned.
using WaitDone = void (*)(void* whom, int64_t ticket);

struct WaitResult {
  Locked locked;
  int error;
  // The wait could not be ended: the call does not hear signals, as on a network file system that does not
  // answer. The file is the thread's, which closes it when the call has returned after all.
  bool left;
};

// Begins a wait. Null if as many threads as may wait do so already, or there is no room for another.
Waiter* BeginWait(const FileLock& lock, WaitDone done, void* whom, int64_t ticket);

// Ends it, if it is not done yet, and says how it ended. The waiter must not be used any more.
WaitResult EndWait(Waiter* waiter);

// How many threads may wait at a time in this process, and how many do.
void LimitWaits(int32_t count);
int32_t CountWaits();

}  // namespace tierlock
