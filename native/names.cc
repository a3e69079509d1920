#include "names.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "memory.h"

namespace tierlock {
namespace {

// A key of ordinary length leaves its memory to the slot's next name. What a long one took is given back.
constexpr size_t kKeptUnits = 128;

}  // namespace

bool operator==(const Geometry& a, const Geometry& b) {
  return a.slots == b.slots && a.slot_bytes == b.slot_bytes && a.first_slot_byte == b.first_slot_byte &&
         a.chunk_bytes == b.chunk_bytes;
}

// Whatever needs memory comes first, so that running out of it changes nothing. It comes as an exception,
// which lets go of the mutex and goes no further than here.
Outcome Names::OpenBlock(const Geometry& geometry, const int32_t* header, size_t words) try {
  std::lock_guard<std::mutex> lock(mutex_);
  if (opened_) {
    bool same = geometry == geometry_ && std::equal(header_.begin(), header_.end(), header, header + words);
    return same ? Outcome::kDone : Outcome::kOther;
  }
  header_.assign(header, header + words);
  buckets_.assign(64, -1);
  geometry_ = geometry;
  opened_ = true;
  return Outcome::kDone;
} catch (const std::bad_alloc&) {
  return Outcome::kNoMemory;
}

Outcome Names::Open(std::u16string_view key, int32_t* slot) try {
  size_t hash = std::hash<std::u16string_view>{}(key);
  std::lock_guard<std::mutex> lock(mutex_);
  if (!opened_) return Outcome::kNotOpened;
  for (int32_t i = buckets_[hash & (buckets_.size() - 1)]; i >= 0; i = entries_[i].next) {
    Entry& entry = entries_[i];
    if (entry.hash != hash || entry.key != key) continue;
    entry.uses++;
    *slot = i;
    return Outcome::kDone;
  }
  if (static_cast<size_t>(count_) == buckets_.size()) Widen();
  if (free_ < 0) {
    Outcome outcome = AddSlot();
    if (outcome != Outcome::kDone) return outcome;
  }
  Entry& entry = entries_[free_];
  entry.key = key;

  *slot = free_;
  free_ = entry.next;
  int32_t& bucket = buckets_[hash & (buckets_.size() - 1)];
  entry.hash = hash;
  entry.used = true;
  entry.uses = 1;
  entry.next = bucket;
  bucket = *slot;
  count_++;
  return Outcome::kDone;
} catch (const std::bad_alloc&) {
  return Outcome::kNoMemory;
}

void Names::Close(int32_t slot, int64_t uses, bool keep_held) {
  std::lock_guard<std::mutex> lock(mutex_);
  Entry& entry = entries_[slot];
  entry.uses -= uses;
  if (entry.uses > 0) return;
  // Nobody else can write there any more: all who could have closed it, or have ended.
  int32_t first;
  std::memcpy(&first, SlotAt(slot), sizeof first);
  if (!keep_held || first == 0) Drop(slot);
}

Chunk Names::At(int32_t n) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (n < 0 || static_cast<size_t>(n) >= chunks_.size()) return {nullptr, 0};
  return {chunks_[n], static_cast<size_t>(geometry_.chunk_bytes)};
}

Chunk Names::Around(const void* address) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto sought = reinterpret_cast<uintptr_t>(address);
  auto after = std::upper_bound(sorted_.begin(), sorted_.end(), sought);
  if (after == sorted_.begin()) return {nullptr, 0};
  uintptr_t start = after[-1];
  auto bytes = static_cast<size_t>(geometry_.chunk_bytes);
  if (sought - start >= bytes) return {nullptr, 0};
  return {reinterpret_cast<char*>(start), bytes};
}

int32_t Names::Count() {
  std::lock_guard<std::mutex> lock(mutex_);
  return count_;
}

int64_t Names::KeyAt(int32_t slot, char16_t* room, size_t units) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (slot < 0 || static_cast<size_t>(slot) >= entries_.size()) return -2;
  const Entry& entry = entries_[slot];
  if (!entry.used) return -1;
  std::copy_n(entry.key.data(), std::min(units, entry.key.size()), room);
  return static_cast<int64_t>(entry.key.size());
}

char* Names::SlotAt(int32_t slot) const {
  return chunks_[slot / geometry_.slots] + geometry_.first_slot_byte +
         static_cast<int64_t>(slot % geometry_.slots) * geometry_.slot_bytes;
}

// Puts one more slot into the empty list of the free.
Outcome Names::AddSlot() {
  auto slot = static_cast<int64_t>(entries_.size());
  if (slot == std::numeric_limits<int32_t>::max()) return Outcome::kFull;
  // The last time may have ended between the chunk and the entry: then the chunk is there.
  if (slot == static_cast<int64_t>(chunks_.size()) * geometry_.slots) {
    // Room first: then both lists get the chunk, or neither does.
    if (chunks_.size() == chunks_.capacity()) {
      sorted_.reserve(chunks_.size() * 2 + 1);
      chunks_.reserve(chunks_.size() * 2 + 1);
    }
    char* chunk = MapZeroes(static_cast<size_t>(geometry_.chunk_bytes));
    if (chunk == nullptr) return Outcome::kNoMemory;
    std::copy(header_.begin(), header_.end(), reinterpret_cast<int32_t*>(chunk));
    auto start = reinterpret_cast<uintptr_t>(chunk);
    chunks_.push_back(chunk);
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), start), start);
  }
  entries_.emplace_back();
  free_ = static_cast<int32_t>(slot);
  return Outcome::kDone;
}

void Names::Widen() {
  std::vector<int32_t> wider(buckets_.size() * 2, -1);
  for (int32_t first : buckets_) {
    for (int32_t i = first, next; i >= 0; i = next) {
      int32_t& bucket = wider[entries_[i].hash & (wider.size() - 1)];
      next = entries_[i].next;
      entries_[i].next = bucket;
      bucket = i;
    }
  }
  buckets_.swap(wider);
}

void Names::Drop(int32_t slot) {
  Entry& entry = entries_[slot];
  int32_t* link = &buckets_[entry.hash & (buckets_.size() - 1)];
  while (*link != slot) link = &entries_[*link].next;
  *link = entry.next;
  if (entry.key.capacity() > kKeptUnits) std::u16string().swap(entry.key);
  std::memset(SlotAt(slot), 0, static_cast<size_t>(geometry_.slot_bytes));
  entry.used = false;
  entry.uses = 0;
  entry.next = free_;
  free_ = slot;
  count_--;
}

}  // namespace tierlock
