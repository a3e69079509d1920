// Files as memory that processes share. One file per system tells files apart and maps them (binding.gyp
// chooses); mapped_file.cc keeps them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tierlock {

// Two descriptors with the same identity lead to the same file, as long as one of them is open, or it is
// mapped.
struct FileIdentity {
  uint64_t device;
  uint64_t number;
  uint64_t bytes;
  bool regular;
};

// False, and errno says why, if the system does not tell.
bool Identify(int fd, FileIdentity* identity);

// The first `bytes` of the file, shared by all who map it. Null, and errno says why, if it cannot be done.
char* MapShared(int fd, size_t bytes);

}  // namespace tierlock
