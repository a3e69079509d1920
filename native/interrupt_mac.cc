// Compiles to the same header as interrupt_linux.cc. Written from the documentation; it has not been run.
//
// There are no realtime signals here. SIGURG is ignored by default and hardly used; and if the program
// listens to it, then that handler interrupts just as well.
#include <pthread.h>
#include <time.h>

#include <csignal>
#include <map>
#include <mutex>

#include "interrupt.h"
#include "thread.h"

namespace tierlock {
namespace {

constexpr int kSignal = SIGURG;

void DoNothing(int) {}

bool Prepare() {
  struct sigaction now;
  if (sigaction(kSignal, nullptr, &now) != 0) return false;
  if ((now.sa_flags & SA_SIGINFO) != 0 || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN))
    return true;
  struct sigaction ours = {};
  ours.sa_handler = DoNothing;
  sigemptyset(&ours.sa_mask);
  return sigaction(kSignal, &ours, nullptr) == 0;
}

// The system addresses threads by another name than the one that tells them apart.
std::mutex& mutex = *new std::mutex;
std::map<int32_t, pthread_t>& threads = *new std::map<int32_t, pthread_t>;

}  // namespace

bool AllowInterrupts() {
  static const bool prepared = Prepare();
  if (!prepared) return false;
  std::lock_guard<std::mutex> guard(mutex);
  threads[CurrentThreadId()] = pthread_self();
  return true;
}

void RefuseOtherSignals() {
  sigset_t set;
  sigfillset(&set);
  for (int allowed : {kSignal, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&set, allowed);
  pthread_sigmask(SIG_SETMASK, &set, nullptr);
}

void Interrupt(int32_t thread) {
  std::lock_guard<std::mutex> guard(mutex);
  auto found = threads.find(thread);
  if (found != threads.end() && ThreadAlive(thread)) pthread_kill(found->second, kSignal);
}

bool PauseInterruptibly() {
  timespec time = {0, 1'000'000};
  return nanosleep(&time, nullptr) != 0;
}

}  // namespace tierlock
