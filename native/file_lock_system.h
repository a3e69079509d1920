// What file_lock.cc asks of the system, where systems differ: one file each (binding.gyp chooses).
#pragma once

#include <fcntl.h>

#include <cstdint>

#include "file_lock.h"

namespace tierlock {

enum class RangeCall { kTake, kWait, kLook };

// fcntl with F_SETLK, F_SETLKW or F_GETLK, or what these are called for locks of that kind. Not for kFlock.
int CallForRange(const FileLock& lock, RangeCall call, struct flock* range);

// By how many names the file can be found, or -1 with errno set.
int64_t CountNames(int fd);

// Has found the lock taken: blocks for at most that long.
Locked BlockFor(const FileLock& lock, int64_t nanoseconds);

// For BlockFor: blocks until the lock can be taken or this thread is interrupted.
Locked Block(const FileLock& lock);

}  // namespace tierlock
