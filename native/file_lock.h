// The kernel's locks on files. What differs between systems: file_lock_system.h.
//
// Where the kernel locks ranges, whoever has to wait queues at a gate first: a byte behind all ranges that is
// locked in the same mode, until the range itself is ours. So a writer who waits keeps new readers out, and
// readers who wait keep the next writer out; nobody starves. Whoever finds the range free has nothing to do
// with the gate, but for readers, who look whether a writer has it.
#pragma once

#include <cstdint>

namespace tierlock {

// As JavaScript numbers them.
enum class FileKind : int32_t {
  kOfd = 0,    // fcntl, of the open file description
  kFlock = 1,  // flock(2), likewise; always the whole file
  kPosix = 2,  // fcntl, of the process; see posix_holds.h
};
constexpr int32_t kFileKinds = 3;

enum class FileMode : int32_t { kShared = 0, kExclusive = 1 };

// Ranges end before this.
constexpr int64_t kGates = int64_t{1} << 52;

struct FileLock {
  int fd;
  FileKind kind;
  FileMode mode;
  int64_t start;
  int64_t length;  // 0: up to the end, however long the file gets
};

enum class Locked : int32_t {
  kYes = 0,
  kTaken = 1,
  // It is ours no more: nobody else can find the file by its name, so it would keep nobody out.
  kRemoved = 2,
  kInterrupted = 3,  // only of a wait
  kFailed = 4,       // errno says why
};

// Takes it if that is possible now.
Locked TryFileLock(const FileLock& lock);

// This file description holds the range already: gets it in this mode instead, without letting go in between,
// if that is possible now. Not with kFlock, unless it becomes shared.
Locked ConvertFileLock(const FileLock& lock);

// Tries, then blocks until it can be taken or this thread is interrupted.
Locked WaitFileLock(const FileLock& lock);

// Blocks for at most that long; with 0, it only tries.
Locked WaitFileLock(const FileLock& lock, int64_t nanoseconds);

// 0, or the number of an error.
int UnlockFile(const FileLock& lock);

// Who keeps us from taking it: the number of a process, 0 for nobody, -1 for somebody whom the kernel does
// not name. Less than that is the negative number of an error, minus one. Not while this description holds
// it.
int64_t WhoLocks(const FileLock& lock);

// Whether somebody waits whom a reader should let in first. Always false with kFlock.
bool IsGateClosed(const FileLock& lock);

}  // namespace tierlock
