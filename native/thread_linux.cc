#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "thread.h"

namespace tierlock {

int32_t CurrentThreadId() { return static_cast<int32_t>(syscall(SYS_gettid)); }

// Signal 0 delivers nothing and only looks the thread up. Within our own process it can be refused for no
// other reason than that there is no such thread.
bool ThreadAlive(int32_t id) {
  return id > 0 && (syscall(SYS_tgkill, getpid(), id, 0) == 0 || errno != ESRCH);
}

}  // namespace tierlock
