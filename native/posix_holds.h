// What this process holds by posix locks, which are its own as a whole: the kernel does not keep its threads
// and handles apart, and takes all of them away when anything here closes the same file. So they are kept
// apart here, and a file that must stay open says so. Every hold is noted before the kernel is asked for it,
// and forgotten before the kernel is told: so nobody unlocks what another one here is about to have. (Only as
// far as one copy of this package knows; other code in the process may still close the file.)
#pragma once

#include <optional>

#include "file_lock.h"

namespace tierlock {

// Notes the hold, or changes the mode of the one that this descriptor has of the range: then `before` is what
// that was. False if another one is in the way, with errno 0, or if the file cannot be looked at, with errno
// set.
bool HoldPosix(const FileLock& lock, std::optional<FileMode>* before);

// The kernel has refused what was noted: it is as it was before.
void UndoPosix(const FileLock& lock, std::optional<FileMode> before, int (*unlock)(const FileLock& range));

// Nothing is held any more by this descriptor of the range: has the kernel told of what is nobody else's here
// either. `unlock` gives 0, or the number of an error, and so does this.
int ForgetPosix(const FileLock& lock, int (*unlock)(const FileLock& range));

// Whether to close it would take away what another descriptor holds.
bool MustStayOpen(int fd);

}  // namespace tierlock
