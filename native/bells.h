// The bells of this process: how one thread makes another look up, from anywhere, even while it is itself
// ending. Plain C++; ring.cc is what JavaScript sees of it.
//
// All rings are made while holding the mutex: once Unhang() has returned, nobody is inside of that bell's
// `ring` any more, and nobody will be. So `ring` must neither wait nor come back here.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace tierlock {

struct Bell {
  int32_t thread;
  void (*ring)(void* data);
  void* data;  // tells bells apart: several copies of the addon hang one each for the same thread
};

class Bells {
 public:
  // False if there is no memory for it.
  bool Hang(const Bell& bell);
  void Unhang(void* data);

  // Whether that thread has a bell.
  bool Ring(int32_t thread);
  void RingOthers(int32_t thread);

 private:
  std::mutex mutex_;
  std::vector<Bell> bells_;
};

}  // namespace tierlock
