#include <fcntl.h>
#include <linux/stat.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "file_lock.h"
#include "interrupt.h"

namespace tierlock {
namespace {

struct flock Described(const FileLock& lock, short type) {
  struct flock described = {};
  described.l_type = type;
  described.l_whence = SEEK_SET;
  described.l_start = lock.start;
  described.l_len = lock.length;
  return described;
}

short TypeOf(FileMode mode) { return mode == FileMode::kShared ? F_RDLCK : F_WRLCK; }

int Take(const FileLock& lock, bool wait) {
  if (lock.kind == FileKind::kFlock) {
    int operation = lock.mode == FileMode::kShared ? LOCK_SH : LOCK_EX;
    return flock(lock.fd, wait ? operation : operation | LOCK_NB);
  }
  struct flock described = Described(lock, TypeOf(lock.mode));
  if (lock.kind == FileKind::kOfd) return fcntl(lock.fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &described);
  return fcntl(lock.fd, wait ? F_SETLKW : F_SETLK, &described);
}

// Whoever removes a file of locks has it locked meanwhile. So whoever gets the lock later can see it. (The
// kernel is asked itself: the C library's fstat is another function since 2.33, which older ones do not
// have.)
Locked Checked(const FileLock& lock) {
  struct statx found;
  if (syscall(SYS_statx, lock.fd, "", AT_EMPTY_PATH, STATX_NLINK, &found) == 0) {
    if (found.stx_nlink > 0) return Locked::kYes;
    UnlockFile(lock);
    return Locked::kRemoved;
  }
  int error = errno;
  UnlockFile(lock);
  errno = error;
  return Locked::kFailed;
}

}  // namespace

bool HasFileKind(FileKind) { return true; }

Locked TryFileLock(const FileLock& lock) {
  while (Take(lock, false) != 0) {
    if (errno == EAGAIN || errno == EACCES) return Locked::kTaken;
    if (errno != EINTR) return Locked::kFailed;
  }
  return Checked(lock);
}

Locked WaitFileLock(const FileLock& lock) {
  if (Take(lock, true) == 0) return Checked(lock);
  return errno == EINTR ? Locked::kInterrupted : Locked::kFailed;
}

Locked WaitFileLock(const FileLock& lock, int64_t nanoseconds) {
  if (!AllowInterrupts()) {
    errno = EAGAIN;
    return Locked::kFailed;
  }
  Alarm alarm(nanoseconds);
  return alarm.set() ? WaitFileLock(lock) : Locked::kFailed;
}

int UnlockFile(const FileLock& lock) {
  int result;
  do {
    if (lock.kind == FileKind::kFlock) {
      result = flock(lock.fd, LOCK_UN);
    } else {
      struct flock described = Described(lock, F_UNLCK);
      result = fcntl(lock.fd, lock.kind == FileKind::kOfd ? F_OFD_SETLK : F_SETLK, &described);
    }
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

int64_t WhoLocks(const FileLock& lock) {
  if (lock.kind == FileKind::kFlock) {
    Locked locked = TryFileLock(lock);
    if (locked == Locked::kTaken) return -1;
    if (locked == Locked::kFailed) return -1 - int64_t{errno};
    if (locked == Locked::kYes) UnlockFile(lock);
    return 0;
  }
  struct flock described = Described(lock, TypeOf(lock.mode));
  if (fcntl(lock.fd, lock.kind == FileKind::kOfd ? F_OFD_GETLK : F_GETLK, &described) != 0)
    return -1 - int64_t{errno};
  if (described.l_type == F_UNLCK) return 0;
  return described.l_pid > 0 ? described.l_pid : -1;
}

}  // namespace tierlock
