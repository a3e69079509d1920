// The kernel's locks on files, each system's in a file of its own (binding.gyp chooses).
#pragma once

#include <cstdint>

namespace tierlock {

// As JavaScript numbers them.
enum class FileKind : int32_t {
  kOfd = 0,    // fcntl, of the open file description
  kFlock = 1,  // flock(2), likewise; always the whole file
  kPosix = 2,  // fcntl, of the process
};
constexpr int32_t kFileKinds = 3;

enum class FileMode : int32_t { kShared = 0, kExclusive = 1 };

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

// Takes it if that is possible now. If this file description holds the range already it is converted.
Locked TryFileLock(const FileLock& lock);

// Blocks until it can be taken or this thread is interrupted.
Locked WaitFileLock(const FileLock& lock);

// Blocks for at most that long.
Locked WaitFileLock(const FileLock& lock, int64_t nanoseconds);

// 0, or the number of an error.
int UnlockFile(const FileLock& lock);

// Who keeps us from taking it: the number of a process, 0 for nobody, -1 for somebody whom the kernel does
// not name. Less than that is the negative number of an error, minus one.
int64_t WhoLocks(const FileLock& lock);

// Whether there is such a kind here.
bool HasFileKind(FileKind kind);

}  // namespace tierlock
