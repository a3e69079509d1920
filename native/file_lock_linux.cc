#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "file_lock.h"
#include "interrupt.h"
#include "posix_holds.h"

namespace tierlock {
namespace {

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
  if (lock.kind == FileKind::kOfd) return fcntl(lock.fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &described);
  return fcntl(lock.fd, wait ? F_SETLKW : F_SETLK, &described);
}

int Take(const FileLock& lock, bool wait) {
  if (lock.kind != FileKind::kFlock) return Set(lock, Described(lock, TypeOf(lock.mode)), wait);
  int operation = lock.mode == FileMode::kShared ? LOCK_SH : LOCK_EX;
  return flock(lock.fd, wait ? operation : operation | LOCK_NB);
}

int TakeAtTurn(const FileLock& lock) {
  if (lock.kind == FileKind::kFlock) return Take(lock, true);
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
        lock.kind == FileKind::kFlock ? flock(lock.fd, LOCK_UN) : Set(lock, Described(lock, F_UNLCK), false);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// By how many names the file can be found, or -1. The kernel is asked itself: the C library's fstat is
// another function since 2.33, which older ones do not have. Where the kernel's struct is the library's too,
// its older call is the faster one.
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

// Whoever removes a file of locks has it locked meanwhile. So whoever gets the lock later can see it.
Locked Checked(const FileLock& lock) {
  int64_t names = CountNames(lock.fd);
  if (names > 0) return Locked::kYes;
  int error = errno;
  UnlockFile(lock);
  errno = error;
  return names == 0 ? Locked::kRemoved : Locked::kFailed;
}

Locked Try(const FileLock& lock) {
  while (Take(lock, false) != 0) {
    if (errno == EAGAIN || errno == EACCES) return Locked::kTaken;
    if (errno != EINTR) return Locked::kFailed;
  }
  return Locked::kYes;
}

Locked Block(const FileLock& lock) {
  // Others of this process are not seen by the kernel.
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

}  // namespace

bool IsGateClosed(const FileLock& lock) {
  if (lock.kind == FileKind::kFlock) return false;
  struct flock gate = Gate(lock, F_RDLCK);
  return fcntl(lock.fd, lock.kind == FileKind::kOfd ? F_OFD_GETLK : F_GETLK, &gate) == 0 &&
         gate.l_type != F_UNLCK;
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
  // flock(2) has no gate: it waits only if it must.
  Locked locked = lock.kind == FileKind::kFlock ? Locked::kTaken : TryFileLock(lock);
  return locked == Locked::kTaken ? Block(lock) : locked;
}

Locked WaitFileLock(const FileLock& lock, int64_t nanoseconds) {
  Locked locked = TryFileLock(lock);
  if (locked != Locked::kTaken) return locked;
  if (nanoseconds == 0) return Locked::kInterrupted;
  if (!AllowInterrupts()) {
    errno = EAGAIN;
    return Locked::kFailed;
  }
  Alarm alarm(nanoseconds);
  return alarm.set() ? Block(lock) : Locked::kFailed;
}

int UnlockFile(const FileLock& lock) {
  return lock.kind == FileKind::kPosix ? ForgetPosix(lock, Unlock) : Unlock(lock);
}

int64_t WhoLocks(const FileLock& lock) {
  if (lock.kind == FileKind::kFlock) {
    Locked locked = Try(lock);
    if (locked == Locked::kTaken) return -1;
    if (locked == Locked::kFailed) return -1 - int64_t{errno};
    UnlockFile(lock);
    return 0;
  }
  struct flock described = Described(lock, TypeOf(lock.mode));
  if (fcntl(lock.fd, lock.kind == FileKind::kOfd ? F_OFD_GETLK : F_GETLK, &described) != 0)
    return -1 - int64_t{errno};
  if (described.l_type == F_UNLCK) return 0;
  return described.l_pid > 0 ? described.l_pid : -1;
}

}  // namespace tierlock
