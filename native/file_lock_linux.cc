#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "file_lock_system.h"
#include "interrupt.h"

namespace tierlock {

int CallForRange(const FileLock& lock, RangeCall call, struct flock* range) {
  bool ofd = lock.kind == FileKind::kOfd;
  switch (call) {
    case RangeCall::kTake:
      return fcntl(lock.fd, ofd ? F_OFD_SETLK : F_SETLK, range);
    case RangeCall::kWait:
      return fcntl(lock.fd, ofd ? F_OFD_SETLKW : F_SETLKW, range);
    case RangeCall::kLook:
      return fcntl(lock.fd, ofd ? F_OFD_GETLK : F_GETLK, range);
  }
  return -1;
}

// The kernel is asked itself: the C library's fstat is another function since 2.33, which older ones do not
// have. Where the kernel's struct is the library's too, its older call is the faster one.
#if defined(__x86_64__) || defined(__aarch64__)
int64_t CountNames(int fd) {
  struct stat found;
  return syscall(SYS_fstat, fd, &found) == 0 ? static_cast<int64_t>(found.st_nlink) : -1;
}
#else
int64_t CountNames(int fd) {
  struct statx found;
  return syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_NLINK, &found) == 0 ? int64_t{found.stx_nlink} : -1;
}
#endif

Locked BlockFor(const FileLock& lock, int64_t nanoseconds) {
  if (!AllowInterrupts()) {
    errno = EAGAIN;
    return Locked::kFailed;
  }
  Alarm alarm(nanoseconds);
  return alarm.set() ? Block(lock) : Locked::kFailed;
}

}  // namespace tierlock
