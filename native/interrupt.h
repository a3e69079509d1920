// Ending a system call that blocks another thread, by a signal whose handler does nothing.
//
// A signal that comes just before the call blocks is lost, so it must be sent again until the thread says
// that it has left. The signal is one that nobody used when the first wait began; it stays ours.
#pragma once

#include <cstdint>

namespace tierlock {

// Lets this thread be interrupted, from now on; false if there is no signal left.
bool AllowInterrupts();

// Keeps all other signals away from this thread: they are the business of those who run JavaScript.
void RefuseOtherSignals();

void Interrupt(int32_t thread);

// Sleeps for a millisecond. True if it was interrupted.
bool PauseInterruptibly();

// Interrupts this thread after that time, and then again and again, until it is destroyed. Only where the
// timers of the system can interrupt one thread: not in macOS.
class Alarm {
 public:
  explicit Alarm(int64_t nanoseconds);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  bool set() const { return set_; }

 private:
  const bool set_;
};

}  // namespace tierlock
