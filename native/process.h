// What all threads of this process have in common, in every copy of this addon that it has loaded.
//
// Each copy (a package may be installed twice, each with its binary) carries a table. All use the one of the
// copy that was loaded first, so there is one set of names and one of bells. The functions behind it are that
// copy's, too: nothing but this table and the structs in it must be laid out alike, and no copy touches
// another's containers. A copy is never unloaded, because its functions and its memory serve until the
// process ends.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bells.h"
#include "names.h"

// Raised with every change of the table or of what its functions promise. A macro, for the assembler.
#define TIERLOCK_LAYOUT 2

namespace tierlock {

// The functions are those of Names and Bells. None of them throws.
struct Process {
  Outcome (*open_block)(const Geometry& geometry, const int32_t* header, size_t words);
  Outcome (*open_name)(const char16_t* key, size_t units, int32_t* slot);
  void (*close_name)(int32_t slot, int64_t uses, bool keep_held);
  Chunk (*chunk_at)(int32_t n);
  Chunk (*chunk_around)(const void* address);
  int32_t (*count_names)();
  int64_t (*key_at)(int32_t slot, char16_t* room, size_t units);
  bool (*hang)(const Bell& bell);
  void (*unhang)(void* data);
  bool (*ring)(int32_t thread);
  void (*ring_others)(int32_t thread);
};

// This copy's own.
extern "C" __attribute__((visibility("hidden"))) const Process tierlock_process;

struct Found {
  const Process* process;
  int32_t layout;
};

// The table of the copy that was loaded first, and its layout: only with our own may the table be used. One
// file per system implements this (binding.gyp chooses), and sees to it that no copy is ever unloaded.
Found FindProcess();

}  // namespace tierlock
