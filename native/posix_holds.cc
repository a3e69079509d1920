#include "posix_holds.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>
#include <vector>

#include "file_id.h"

namespace tierlock {
namespace {

struct Hold {
  FileId file;
  int fd;
  FileMode mode;
  int64_t start;
  int64_t end;
};

// Never destroyed: threads outlive everything.
std::mutex& mutex = *new std::mutex;
std::vector<Hold>& holds = *new std::vector<Hold>;

int64_t EndOf(const FileLock& lock) { return lock.length == 0 ? kGates : lock.start + lock.length; }

}  // namespace

bool HoldPosix(const FileLock& lock, std::optional<FileMode>* before) try {
  FileId file;
  if (!IdentifyFile(lock.fd, &file)) return false;
  int64_t end = EndOf(lock);
  std::lock_guard<std::mutex> guard(mutex);
  Hold* own = nullptr;
  errno = 0;
  for (Hold& hold : holds) {
    if (!(hold.file == file) || hold.start >= end || lock.start >= hold.end) continue;
    if (hold.fd == lock.fd && hold.start == lock.start && hold.end == end) {
      own = &hold;
    } else if (hold.mode == FileMode::kExclusive || lock.mode == FileMode::kExclusive) {
      return false;
    }
  }
  before->reset();
  if (own != nullptr) {
    *before = own->mode;
    own->mode = lock.mode;
  } else {
    holds.push_back({file, lock.fd, lock.mode, lock.start, end});
  }
  return true;
} catch (const std::bad_alloc&) {
  errno = ENOMEM;
  return false;
}

int ForgetPosix(const FileLock& lock, int (*unlock)(const FileLock& range)) {
  FileId file = {};
  bool known = IdentifyFile(lock.fd, &file);
  int64_t end = EndOf(lock);
  std::lock_guard<std::mutex> guard(mutex);
  auto is_it = [&](const Hold& hold) {
    return hold.fd == lock.fd && hold.start == lock.start && hold.end == end;
  };
  holds.erase(std::remove_if(holds.begin(), holds.end(), is_it), holds.end());
  int error = 0;
  for (int64_t from = lock.start; from < end;) {
    // What comes next: a part that is another's, and how much before it is nobody's.
    int64_t free_until = end, next = end;
    for (const Hold& hold : holds) {
      if (!known || !(hold.file == file) || hold.end <= from || hold.start >= end) continue;
      if (hold.start < free_until) {
        free_until = std::max(hold.start, from);
        next = hold.end;
      }
    }
    if (free_until > from) {
      FileLock part = lock;
      part.start = from;
      part.length = free_until - from;
      int failed = unlock(part);
      if (failed != 0) error = failed;
    }
    from = next;
  }
  return error;
}

void UndoPosix(const FileLock& lock, std::optional<FileMode> before, int (*unlock)(const FileLock& range)) {
  std::optional<FileMode> now;
  FileLock was = lock;
  if (before) was.mode = *before;
  // Nobody can have come in between: the hold has kept him out.
  if (!before || !HoldPosix(was, &now)) ForgetPosix(lock, unlock);
}

bool MustStayOpen(int fd) {
  FileId file;
  if (!IdentifyFile(fd, &file)) return false;
  std::lock_guard<std::mutex> guard(mutex);
  return std::any_of(holds.begin(), holds.end(), [&](const Hold& hold) { return hold.file == file; });
}

}  // namespace tierlock
