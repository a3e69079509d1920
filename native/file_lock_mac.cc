// Compiles to the same header as file_lock_linux.cc. Written from the documentation; it has not been run.
//
// There are no locks of an open file description with a public name here: `ofd` is an error, ENOTSUP. A wait
// with a limit tries every millisecond, because no timer of this system interrupts one thread.
#include <sys/stat.h>

#include <cerrno>

#include "file_lock_system.h"
#include "interrupt.h"

namespace tierlock {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

}  // namespace

int CallForRange(const FileLock& lock, RangeCall call, struct flock* range) {
  if (lock.kind == FileKind::kOfd) {
    errno = ENOTSUP;
    return -1;
  }
  switch (call) {
    case RangeCall::kTake:
      return fcntl(lock.fd, F_SETLK, range);
    case RangeCall::kWait:
      return fcntl(lock.fd, F_SETLKW, range);
    case RangeCall::kLook:
      return fcntl(lock.fd, F_GETLK, range);
  }
  return -1;
}

int64_t CountNames(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 ? int64_t{found.st_nlink} : -1;
}

Locked BlockFor(const FileLock& lock, int64_t nanoseconds) {
  for (int64_t left = nanoseconds; left > 0; left -= kMillisecond) {
    PauseInterruptibly();
    Locked locked = TryFileLock(lock);
    if (locked != Locked::kTaken) return locked;
  }
  return Locked::kInterrupted;
}

}  // namespace tierlock
