// Compiles to the same header as mapped_file_linux.cc. Written from the documentation; it has not been run.
#include <sys/mman.h>
#include <sys/stat.h>

#include "mapped_file.h"

namespace tierlock {

bool Identify(int fd, FileIdentity* identity) {
  struct stat found;
  if (fstat(fd, &found) != 0) return false;
  *identity = {static_cast<uint64_t>(found.st_dev), static_cast<uint64_t>(found.st_ino),
               static_cast<uint64_t>(found.st_size), S_ISREG(found.st_mode)};
  return true;
}

char* MapShared(int fd, size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return at == MAP_FAILED ? nullptr : static_cast<char*>(at);
}

}  // namespace tierlock
