// Compiles to the same header as memory_linux.cc. Written from the documentation; it has not been run.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "memory.h"

// What libc++ and libdispatch sleep with. Its public face, os_sync_wait_on_address, needs macOS 14.4.
extern "C" int __ulock_wait(uint32_t operation, void* word, uint64_t expected, uint32_t microseconds);
extern "C" int __ulock_wake(uint32_t operation, void* word, uint64_t value);

namespace tierlock {
namespace {

constexpr uint32_t kCompareAndWait = 1;       // UL_COMPARE_AND_WAIT
constexpr uint32_t kReturnErrno = 0x1000000;  // ULF_NO_ERRNO: errors come back negative

}  // namespace

char* MapZeroes(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<char*>(at);
}

// The call says neither that the word differed nor that it sleeps at all: one that finds another value
// returns at once, as if woken. So the word is looked at first. A time of 0 would be for ever.
Wait WaitOnWord(const int32_t* word, int32_t expected, int64_t nanoseconds) {
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) return Wait::kNotEqual;
  uint32_t microseconds = static_cast<uint32_t>(std::max<int64_t>(1, nanoseconds / 1000));
  int result = __ulock_wait(kCompareAndWait | kReturnErrno, const_cast<int32_t*>(word),
                            static_cast<uint32_t>(expected), microseconds);
  return result == -ETIMEDOUT ? Wait::kTimedOut : Wait::kWoken;
}

// One at a time, because the call does not say how many it woke.
int32_t WakeWord(const int32_t* word, int32_t count) {
  int32_t woken = 0;
  while (woken < count && __ulock_wake(kCompareAndWait | kReturnErrno, const_cast<int32_t*>(word), 0) >= 0) {
    woken++;
  }
  return woken;
}

}  // namespace tierlock
