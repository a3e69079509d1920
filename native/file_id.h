// What tells one file from another, by whatever name it was opened.
#pragma once

#include <cstdint>

namespace tierlock {

struct FileId {
  uint64_t device;
  uint64_t inode;
  bool operator==(const FileId& other) const { return device == other.device && inode == other.inode; }
};

// False, with errno set, if the descriptor is none.
bool IdentifyFile(int fd, FileId* id);

}  // namespace tierlock
