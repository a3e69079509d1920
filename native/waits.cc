// What a waiting thread does, by its state:
//
//   Waiting   -> Telling by itself, when the call has returned: it has the lock, or was told to stop
//             -> Left by whoever began the wait and cannot end it; then the thread closes the file, and ends
//   Telling   -> Done by itself, after it has told
//   Done      -> Idle by whoever began the wait, who has taken the result
//   Idle      -> Waiting by whoever begins the next wait
//             -> Ended by itself, when it has been idle for long; somebody who begins a wait joins it
//
// A thread is in the list of the idle ones while it is Idle, and in that of the ended ones while it is Ended.
#include "waits.h"

#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <new>

#include "interrupt.h"
#include "memory.h"
#include "thread.h"

namespace tierlock {
namespace {

constexpr int32_t kIdle = 0;
constexpr int32_t kWaiting = 1;
constexpr int32_t kTelling = 2;
constexpr int32_t kDone = 3;
constexpr int32_t kLeft = 4;
constexpr int32_t kEnded = 5;

constexpr int64_t kMillisecond = 1'000'000;
// To make a thread takes 10 to 50 microseconds, which shows where locks change hands quickly.
constexpr int64_t kIdleFor = 200 * kMillisecond;
// After that a signal is sent again, and so often before the wait is given up for lost.
constexpr int64_t kAgain = kMillisecond / 2;
constexpr int kSignals = 400;
constexpr size_t kStack = 256 * 1024;

std::atomic<int32_t> limit{64};
std::atomic<int32_t> count{0};

}  // namespace

class Waiter {
 public:
  Waiter(const FileLock& lock, WaitDone done, void* whom, int64_t ticket) { Set(lock, done, whom, ticket); }

  void Set(const FileLock& lock, WaitDone done, void* whom, int64_t ticket) {
    lock_ = lock;
    done_ = done;
    whom_ = whom;
    ticket_ = ticket;
    stop_.store(false);
    state_.store(kWaiting);
  }

  static bool Start(Waiter* waiter) {
    uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, kStack};
    return uv_thread_create_ex(&waiter->id_, &options, Run, waiter) == 0;
  }

  void Wake() { WakeWord(word(), 1); }

  void Join() { uv_thread_join(&id_); }

  // True if the result is there; false if the thread has been left alone with the file.
  bool Stop() {
    stop_.store(true);
    for (int sent = 0; state_.load() == kWaiting; sent++) {
      int32_t expected = kWaiting;
      if (sent == kSignals && state_.compare_exchange_strong(expected, kLeft)) return false;
      if (int32_t thread = thread_.load()) Interrupt(thread);
      WaitOnWord(word(), kWaiting, kAgain);
    }
    while (state_.load() == kTelling) WaitOnWord(word(), kTelling, kAgain);
    return true;
  }

  WaitResult result_ = {Locked::kInterrupted, 0, false};
  std::atomic<int32_t> state_{kWaiting};
  Waiter* next_ = nullptr;  // in one of the lists

 private:
  int32_t* word() { return reinterpret_cast<int32_t*>(&state_); }

  static void Run(void* waiter) {
    Waiter* self = static_cast<Waiter*>(waiter);
    AllowInterrupts();
    RefuseOtherSignals();
    self->thread_.store(CurrentThreadId());
    while (self->Wait() && self->Rest()) {
    }
  }

  // False if it has been left alone.
  bool Wait() {
    Locked locked;
    do {
      locked = stop_.load() ? Locked::kInterrupted : WaitFileLock(lock_);
    } while (locked == Locked::kInterrupted && !stop_.load());
    result_ = {locked, locked == Locked::kFailed ? errno : 0, false};
    int32_t expected = kWaiting;
    if (!state_.compare_exchange_strong(expected, kTelling)) {
      close(lock_.fd);
      count.fetch_sub(1);
      state_.store(kEnded);
      return Bury();
    }
    if (!stop_.load()) done_(whom_, ticket_);  // else there is somebody who waits for the result
    state_.store(kDone);
    Wake();
    return true;
  }

  bool Rest();
  bool Bury();

  FileLock lock_;
  WaitDone done_;
  void* whom_;
  int64_t ticket_;
  std::atomic<bool> stop_{false};
  std::atomic<int32_t> thread_{0};
  uv_thread_t id_;
};

namespace {

// None of this is ever destroyed: the threads outlive everything.
std::mutex& mutex = *new std::mutex;
Waiter* idle = nullptr;
Waiter* ended = nullptr;

void Push(Waiter** list, Waiter* waiter) {
  waiter->next_ = *list;
  *list = waiter;
}

Waiter* Pop(Waiter** list) {
  Waiter* waiter = *list;
  if (waiter != nullptr) *list = waiter->next_;
  return waiter;
}

bool Remove(Waiter** list, Waiter* waiter) {
  for (Waiter** at = list; *at != nullptr; at = &(*at)->next_) {
    if (*at != waiter) continue;
    *at = waiter->next_;
    return true;
  }
  return false;
}

Waiter* PopLocked(Waiter** list) {
  std::lock_guard<std::mutex> guard(mutex);
  return Pop(list);
}

void JoinEnded() {
  while (Waiter* waiter = PopLocked(&ended)) {
    waiter->Join();
    delete waiter;
  }
}

}  // namespace

// False if it has to end.
bool Waiter::Rest() {
  while (state_.load() == kDone) WaitOnWord(word(), kDone, kIdleFor);
  while (state_.load() == kIdle) {
    if (WaitOnWord(word(), kIdle, kIdleFor) != tierlock::Wait::kTimedOut) continue;
    std::lock_guard<std::mutex> guard(mutex);
    if (!Remove(&idle, this)) continue;  // somebody has just taken it
    state_.store(kEnded);
    Push(&ended, this);
    return false;
  }
  return true;
}

bool Waiter::Bury() {
  std::lock_guard<std::mutex> guard(mutex);
  Push(&ended, this);
  return false;
}

Waiter* BeginWait(const FileLock& lock, WaitDone done, void* whom, int64_t ticket) {
  if (count.fetch_add(1) >= limit.load()) {
    count.fetch_sub(1);
    return nullptr;
  }
  JoinEnded();
  if (Waiter* waiter = PopLocked(&idle)) {
    waiter->Set(lock, done, whom, ticket);
    waiter->Wake();
    return waiter;
  }
  Waiter* waiter = new (std::nothrow) Waiter(lock, done, whom, ticket);
  if (waiter != nullptr && Waiter::Start(waiter)) return waiter;
  delete waiter;
  count.fetch_sub(1);
  return nullptr;
}

WaitResult EndWait(Waiter* waiter) {
  if (!waiter->Stop()) return {Locked::kInterrupted, 0, true};
  WaitResult result = waiter->result_;
  count.fetch_sub(1);
  std::lock_guard<std::mutex> guard(mutex);
  waiter->state_.store(kIdle);
  Push(&idle, waiter);
  return result;
}

void LimitWaits(int32_t most) { limit.store(most); }

int32_t CountWaits() { return count.load(); }

}  // namespace tierlock
