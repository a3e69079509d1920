#include "process.h"

namespace tierlock {
namespace {

// Never destroyed: a thread may still end while the process does.
Names& TheNames() {
  static Names& names = *new Names();
  return names;
}

Bells& TheBells() {
  static Bells& bells = *new Bells();
  return bells;
}

}  // namespace

const Process tierlock_process = {
    [](const Geometry& geometry, const int32_t* header, size_t words) {
      return TheNames().OpenBlock(geometry, header, words);
    },
    [](const char16_t* key, size_t units, int32_t* slot) {
      return TheNames().Open({key, units}, slot);
    },
    [](int32_t slot, int64_t uses, bool keep_held) { TheNames().Close(slot, uses, keep_held); },
    [](int32_t n) { return TheNames().At(n); },
    [](const void* address) { return TheNames().Around(address); },
    [] { return TheNames().Count(); },
    [](int32_t slot, char16_t* room, size_t units) { return TheNames().KeyAt(slot, room, units); },
    [](const Bell& bell) { return TheBells().Hang(bell); },
    [](void* data) { TheBells().Unhang(data); },
    [](int32_t thread) { return TheBells().Ring(thread); },
    [](int32_t thread) { TheBells().RingOthers(thread); },
};

}  // namespace tierlock
