// A realtime signal: JavaScript cannot listen to these, and hardly anybody else uses the last ones.
//
// The timer is asked of the kernel itself. The C library's functions for it have moved from one of its parts
// to another, and a binary that names them does not load with an older one.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "interrupt.h"

namespace tierlock {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
// Until it is heard.
constexpr int64_t kAgain = 1'000'000;

void DoNothing(int) {}

int Choose() {
  for (int signal = SIGRTMAX - 1; signal > SIGRTMIN; signal--) {
    struct sigaction now;
    if (sigaction(signal, nullptr, &now) != 0 || (now.sa_flags & SA_SIGINFO) != 0) continue;
    if (now.sa_handler != SIG_DFL && now.sa_handler != DoNothing) continue;
    struct sigaction ours = {};
    ours.sa_handler = DoNothing;  // without SA_RESTART: calls end
    sigemptyset(&ours.sa_mask);
    if (sigaction(signal, &ours, nullptr) == 0) return signal;
  }
  return 0;
}

int Signal() {
  static const int signal = Choose();
  return signal;
}

timespec Timespec(int64_t nanoseconds) {
  return {static_cast<time_t>(nanoseconds / kSecond), static_cast<long>(nanoseconds % kSecond)};
}

// A timer that interrupts the thread that has made it. It is kept while the thread lives: to make one and to
// delete it takes longer than most waits.
class Timer {
 public:
  Timer() {
    struct sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = Signal();
    event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
    made_ = syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id_) == 0;
  }

  ~Timer() {
    if (made_) syscall(SYS_timer_delete, id_);
  }

  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool made() const { return made_; }

  // 0: not at all.
  void Set(int64_t nanoseconds) {
    struct itimerspec times;
    times.it_value = Timespec(nanoseconds);
    times.it_interval = Timespec(kAgain);
    syscall(SYS_timer_settime, id_, 0, &times, nullptr);
  }

 private:
  int id_ = 0;
  bool made_ = false;
};

Timer& ThisThreadsTimer() {
  static thread_local Timer timer;
  return timer;
}

}  // namespace

bool AllowInterrupts() {
  static thread_local bool allowed = false;
  if (allowed) return true;
  if (Signal() == 0) return false;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, Signal());
  allowed = sigprocmask(SIG_UNBLOCK, &set, nullptr) == 0;
  return allowed;
}

void RefuseOtherSignals() {
  sigset_t set;
  sigfillset(&set);
  if (Signal() != 0) sigdelset(&set, Signal());
  // Faults must end the process where they happen.
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&set, fault);
  sigprocmask(SIG_SETMASK, &set, nullptr);
}

void Interrupt(int32_t thread) { syscall(SYS_tgkill, getpid(), thread, Signal()); }

bool PauseInterruptibly() {
  timespec time = Timespec(kAgain);
  return nanosleep(&time, nullptr) != 0;
}

Alarm::Alarm(int64_t nanoseconds) : set_(ThisThreadsTimer().made()) {
  if (set_) ThisThreadsTimer().Set(std::max<int64_t>(nanoseconds, 1));
}

Alarm::~Alarm() {
  if (set_) ThisThreadsTimer().Set(0);
}

}  // namespace tierlock
