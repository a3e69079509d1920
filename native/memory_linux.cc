#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "memory.h"

namespace tierlock {

char* MapZeroes(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<char*>(at);
}

// Private: all who use the word are threads of this process, which spares the kernel looking for its file.
// The time is relative, which for this call means the monotonic clock.
Wait WaitOnWord(const int32_t* word, int32_t expected, int64_t nanoseconds) {
  // What this system call takes on every platform. The C library's timespec can be wider where `long` has 32
  // bits.
  struct {
    long seconds, nanoseconds;
  } time = {static_cast<long>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000)};
  if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &time, nullptr, 0) == 0) return Wait::kWoken;
  if (errno == EAGAIN) return Wait::kNotEqual;
  return errno == ETIMEDOUT ? Wait::kTimedOut : Wait::kWoken;
}

int32_t WakeWord(const int32_t* word, int32_t count) {
  return static_cast<int32_t>(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0));
}

}  // namespace tierlock
