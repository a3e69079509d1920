// Compiles to the same header as file_lock_linux.cc. Written from the documentation; it has not been run.
//
// There are no locks of an open file description with a public name here: `ofd` is an error, ENOTSUP. A wait
// with a limit tries every millisecond, because no timer of this system interrupts one thread.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <cerrno>

#include "file_lock.h"
#include "interrupt.h"
#include "posix_holds.h"

namespace tierlock {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

struct flock Described(const FileLock& lock, short type) {
  struct flock described = {};
  described.l_type = type;
  described.l_whence = SEEK_SET;
  described.l_start = lock.start;
  described.l_len = lock.length == 0 ? kGates - lock.start : lock.length;
  return described;
}

struct flock Gate(const FileLock& lock, short type) {
  struct flock described = {};
  described.l_type = type;
  described.l_whence = SEEK_SET;
  described.l_start = kGates + lock.start;
  described.l_len = 1;
  return described;
}

short TypeOf(FileMode mode) { return mode == FileMode::kShared ? F_RDLCK : F_WRLCK; }

int Set(const FileLock& lock, struct flock described, bool wait) {
  return fcntl(lock.fd, wait ? F_SETLKW : F_SETLK, &described);
}

int Take(const FileLock& lock, bool wait) {
  if (lock.kind == FileKind::kOfd) {
    errno = ENOTSUP;
    return -1;
  }
  if (lock.kind == FileKind::kPosix) return Set(lock, Described(lock, TypeOf(lock.mode)), wait);
  int operation = lock.mode == FileMode::kShared ? LOCK_SH : LOCK_EX;
  return flock(lock.fd, wait ? operation : operation | LOCK_NB);
}

int TakeAtTurn(const FileLock& lock) {
  if (lock.kind != FileKind::kPosix) return Take(lock, true);
  if (Set(lock, Gate(lock, TypeOf(lock.mode)), true) != 0) return -1;
  int result = Take(lock, true);
  int error = errno;
  Set(lock, Gate(lock, F_UNLCK), false);
  errno = error;
  return result;
}

int Unlock(const FileLock& lock) {
  int result;
  do {
    result =
        lock.kind == FileKind::kPosix ? Set(lock, Described(lock, F_UNLCK), false) : flock(lock.fd, LOCK_UN);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// Whoever removes a file of locks has it locked meanwhile. So whoever gets the lock later can see it.
Locked Checked(const FileLock& lock) {
  struct stat found;
  if (fstat(lock.fd, &found) == 0) {
    if (found.st_nlink > 0) return Locked::kYes;
    UnlockFile(lock);
    return Locked::kRemoved;
  }
  int error = errno;
  UnlockFile(lock);
  errno = error;
  return Locked::kFailed;
}

Locked Try(const FileLock& lock) {
  while (Take(lock, false) != 0) {
    if (errno == EAGAIN || errno == EACCES) return Locked::kTaken;
    if (errno != EINTR) return Locked::kFailed;
  }
  return Locked::kYes;
}

}  // namespace

bool IsGateClosed(const FileLock& lock) {
  if (lock.kind != FileKind::kPosix) return false;
  struct flock gate = Gate(lock, F_RDLCK);
  return fcntl(lock.fd, F_GETLK, &gate) == 0 && gate.l_type != F_UNLCK;
}

Locked TryFileLock(const FileLock& lock) {
  if (lock.mode == FileMode::kShared && IsGateClosed(lock)) return Locked::kTaken;
  if (lock.kind == FileKind::kPosix && !HoldPosix(lock)) return errno == 0 ? Locked::kTaken : Locked::kFailed;
  Locked locked = Try(lock);
  if (locked == Locked::kYes) return Checked(lock);
  int error = errno;
  if (lock.kind == FileKind::kPosix) ForgetPosix(lock, Unlock);
  errno = error;
  return locked;
}

Locked ConvertFileLock(const FileLock& lock) {
  if (lock.kind == FileKind::kPosix && !HoldPosix(lock)) return errno == 0 ? Locked::kTaken : Locked::kFailed;
  return Try(lock);
}

Locked WaitFileLock(const FileLock& lock) {
  while (lock.kind == FileKind::kPosix && !HoldPosix(lock)) {
    if (errno != 0) return Locked::kFailed;
    if (PauseInterruptibly()) return Locked::kInterrupted;
  }
  if (TakeAtTurn(lock) == 0) return Checked(lock);
  int error = errno;
  if (lock.kind == FileKind::kPosix) ForgetPosix(lock, Unlock);
  errno = error;
  return error == EINTR ? Locked::kInterrupted : Locked::kFailed;
}

Locked WaitFileLock(const FileLock& lock, int64_t nanoseconds) {
  for (int64_t left = nanoseconds;; left -= kMillisecond) {
    Locked locked = TryFileLock(lock);
    if (locked != Locked::kTaken) return locked;
    if (left <= 0) return Locked::kInterrupted;
    PauseInterruptibly();
  }
}

int UnlockFile(const FileLock& lock) {
  return lock.kind == FileKind::kPosix ? ForgetPosix(lock, Unlock) : Unlock(lock);
}

int64_t WhoLocks(const FileLock& lock) {
  if (lock.kind != FileKind::kPosix) {
    Locked locked = Try(lock);
    if (locked == Locked::kTaken) return -1;
    if (locked == Locked::kFailed) return -1 - int64_t{errno};
    UnlockFile(lock);
    return 0;
  }
  struct flock described = Described(lock, TypeOf(lock.mode));
  if (fcntl(lock.fd, F_GETLK, &described) != 0) return -1 - int64_t{errno};
  if (described.l_type == F_UNLCK) return 0;
  return described.l_pid > 0 ? described.l_pid : -1;
}

}  // namespace tierlock
