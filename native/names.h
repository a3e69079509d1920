// The block: memory that all threads of this process share, and the names of its slots. Plain C++; block.cc
// is what JavaScript sees of it.
//
// The block grows by chunks of one geometry and never shrinks: an address in it stays right until the process
// ends. A name has a slot from its first use to its last, the same for everybody. A slot that no name has is
// all zeroes.
//
//   state of a slot   uses   how it got there
//   free              0      never used, or the last use was closed; zeroed
//   in use            >= 1   opened
//   orphaned          0      its last user has ended or wanted it so, and its first word was not 0: somebody
//                            dead holds something there. It keeps its name, and whoever opens that finds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tierlock {

struct Geometry {
  int32_t slots;            // in a chunk
  int32_t slot_bytes;       // a multiple of 4
  int64_t first_slot_byte;  // likewise; before it lies the header
  int64_t chunk_bytes;
};

struct Chunk {
  char* start;
  size_t bytes;
};

enum class Outcome : int32_t { kDone = 0, kOther, kNotOpened, kNoMemory, kFull };

class Names {
 public:
  // The first caller's geometry and header are kept; to others the answer is kOther unless theirs are the
  // same.
  Outcome OpenBlock(const Geometry& geometry, const int32_t* header, size_t words);

  // One use more of that name. Keys are compared whole, unit by unit.
  Outcome Open(std::u16string_view key, int32_t* slot);

  // So many uses less; the caller has them. `keep_held`: if they are the last, and the first word is not 0,
  // the slot is orphaned, not freed.
  void Close(int32_t slot, int64_t uses, bool keep_held);

  // Chunk number n; one with a null start if there is none.
  Chunk At(int32_t n);

  // The chunk that has this address; one with a null start if none has.
  Chunk Around(const void* address);

  // How many slots are not free.
  int32_t Count();

  // What has that slot is called: how many units its key has, of which as many as there is room for are
  // copied. -1 if the slot is free, -2 if there is no such slot, nor one behind it.
  int64_t KeyAt(int32_t slot, char16_t* room, size_t units);

 private:
  struct Entry {
    std::u16string key;
    size_t hash = 0;
    int64_t uses = 0;
    bool used = false;  // it has a name, though perhaps nobody who uses it
    int32_t next = -1;  // in the same bucket, or in the list of the free
  };

  char* SlotAt(int32_t slot) const;
  Outcome AddSlot();
  void Widen();
  void Drop(int32_t slot);

  std::mutex mutex_;  // of all that follows
  bool opened_ = false;
  Geometry geometry_ = {};
  std::vector<int32_t> header_;
  std::vector<char*> chunks_;
  std::vector<uintptr_t> sorted_;  // where the chunks start, by address
  std::vector<Entry> entries_;     // by slot
  std::vector<int32_t> buckets_;   // the first entry of each; their number is a power of two
  int32_t free_ = -1;              // most recently freed first: that slot is still in somebody's cache
  int32_t count_ = 0;
};

}  // namespace tierlock
