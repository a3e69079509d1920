#include "bells.h"

#include <algorithm>
#include <new>

namespace tierlock {

bool Bells::Hang(const Bell& bell) try {
  std::lock_guard<std::mutex> lock(mutex_);
  bells_.push_back(bell);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void Bells::Unhang(void* data) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto has_data = [data](const Bell& bell) { return bell.data == data; };
  bells_.erase(std::remove_if(bells_.begin(), bells_.end(), has_data), bells_.end());
}

bool Bells::Ring(int32_t thread) {
  std::lock_guard<std::mutex> lock(mutex_);
  bool found = false;
  for (const Bell& bell : bells_) {
    if (bell.thread != thread) continue;
    bell.ring(bell.data);
    found = true;
  }
  return found;
}

void Bells::RingOthers(int32_t thread) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const Bell& bell : bells_) {
    if (bell.thread != thread) bell.ring(bell.data);
  }
}

}  // namespace tierlock
