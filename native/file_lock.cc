#include "file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "file_lock_system.h"
#include "interrupt.h"
#include "posix_holds.h"

namespace tierlock {
namespace {

short TypeOf(FileMode mode) { return mode == FileMode::kShared ? F_RDLCK : F_WRLCK; }

struct flock Range(int64_t start, int64_t length, short type) {
  struct flock range = {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  return range;
}

struct flock Described(const FileLock& lock, short type) {
  return Range(lock.start, lock.length == 0 ? kGates - lock.start : lock.length, type);
}

struct flock Gate(const FileLock& lock, short type) { return Range(kGates + lock.start, 1, type); }

int Set(const FileLock& lock, struct flock range, bool wait) {
  return CallForRange(lock, wait ? RangeCall::kWait : RangeCall::kTake, &range);
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

// After the kernel has refused it: what was held before is held still.
void Undo(const FileLock& lock, std::optional<FileMode> before) {
  int error = errno;
  if (lock.kind == FileKind::kPosix) UndoPosix(lock, before, Unlock);
  errno = error;
}

}  // namespace

bool IsGateClosed(const FileLock& lock) {
  if (lock.kind == FileKind::kFlock) return false;
  struct flock gate = Gate(lock, F_RDLCK);
  return CallForRange(lock, RangeCall::kLook, &gate) == 0 && gate.l_type != F_UNLCK;
}

Locked TryFileLock(const FileLock& lock) {
  if (lock.mode == FileMode::kShared && IsGateClosed(lock)) return Locked::kTaken;
  std::optional<FileMode> before;
  if (lock.kind == FileKind::kPosix && !HoldPosix(lock, &before))
    return errno == 0 ? Locked::kTaken : Locked::kFailed;
  Locked locked = Try(lock);
  if (locked == Locked::kYes) return Checked(lock);
  Undo(lock, before);
  return locked;
}

Locked ConvertFileLock(const FileLock& lock) {
  std::optional<FileMode> before;
  if (lock.kind == FileKind::kPosix && !HoldPosix(lock, &before))
    return errno == 0 ? Locked::kTaken : Locked::kFailed;
  Locked locked = Try(lock);
  if (locked != Locked::kYes) Undo(lock, before);
  return locked;
}

Locked Block(const FileLock& lock) {
  for (;;) {
    // Others of this process are not seen by the kernel.
    std::optional<FileMode> before;
    while (lock.kind == FileKind::kPosix && !HoldPosix(lock, &before)) {
      if (errno != 0) return Locked::kFailed;
      if (PauseInterruptibly()) return Locked::kInterrupted;
    }
    if (TakeAtTurn(lock) == 0) return Checked(lock);
    Undo(lock, before);
    if (errno == EINTR) return Locked::kInterrupted;
    // The kernel takes all threads of a process for one, and so sees circles of waits that are none.
    if (lock.kind != FileKind::kPosix || errno != EDEADLK) return Locked::kFailed;
    if (PauseInterruptibly()) return Locked::kInterrupted;
  }
}

Locked WaitFileLock(const FileLock& lock) {
  // flock(2) has no gate: it waits only if it must.
  Locked locked = lock.kind == FileKind::kFlock ? Locked::kTaken : TryFileLock(lock);
  return locked == Locked::kTaken ? Block(lock) : locked;
}

Locked WaitFileLock(const FileLock& lock, int64_t nanoseconds) {
  Locked locked = TryFileLock(lock);
  if (locked != Locked::kTaken) return locked;
  return nanoseconds > 0 ? BlockFor(lock, nanoseconds) : Locked::kInterrupted;
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
  struct flock range = Described(lock, TypeOf(lock.mode));
  if (CallForRange(lock, RangeCall::kLook, &range) != 0) return -1 - int64_t{errno};
  if (range.l_type == F_UNLCK) return 0;
  return range.l_pid > 0 ? range.l_pid : -1;
}

}  // namespace tierlock
