// A note in the binary tells where its table is. The loader lists the notes of all objects in the order in
// which they were loaded; that needs neither names nor paths, and no function that is newer than the oldest C
// library.
//
// binding.gyp links with -z nodelete, so the loader itself keeps every copy: the first of the list stays the
// first. And it is ready: loading is one at a time, so its loading was over when that of a later copy, ours,
// began.
#include <elf.h>
#include <link.h>

#include <cstring>

#include "process.h"

#define AS_TEXT(x) AS_TEXT_OF(x)
#define AS_TEXT_OF(x) #x

// Its description is the way from itself to the table.
asm(".pushsection .note.tierlock, \"a\", %note\n"
    ".balign 4\n"
    ".long 9, 4, " AS_TEXT(TIERLOCK_LAYOUT) "\n"
    ".asciz \"tierlock\"\n"
    ".balign 4\n"
    ".long tierlock_process - .\n"
    ".popsection\n");

namespace tierlock {
namespace {

struct Note {
  uint32_t name_bytes, description_bytes, layout;
  char name[12];
  int32_t to_process;
};

size_t RoundUp(size_t bytes, size_t align) { return (bytes + align - 1) / align * align; }

// Goes through the notes of one segment.
bool FindIn(const char* at, size_t bytes, size_t align, Found* found) {
  const char* end = at + bytes;
  while (static_cast<size_t>(end - at) >= sizeof(ElfW(Nhdr))) {
    auto* header = reinterpret_cast<const ElfW(Nhdr)*>(at);
    size_t size = RoundUp(sizeof *header + header->n_namesz, align) + RoundUp(header->n_descsz, align);
    if (size > static_cast<size_t>(end - at)) return false;
    auto* note = reinterpret_cast<const Note*>(at);
    if (header->n_namesz == 9 && header->n_descsz == 4 && size == sizeof(Note) &&
        std::memcmp(note->name, "tierlock", 9) == 0) {
      const char* from = reinterpret_cast<const char*>(&note->to_process);
      *found = {reinterpret_cast<const Process*>(from + note->to_process),
                static_cast<int32_t>(note->layout)};
      return true;
    }
    at += size;
  }
  return false;
}

int LookAt(dl_phdr_info* object, size_t, void* found) {
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    auto* start = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
    if (FindIn(start, segment.p_memsz, segment.p_align == 8 ? 8 : 4, static_cast<Found*>(found))) return 1;
  }
  return 0;
}

}  // namespace

Found FindProcess() {
  Found found = {nullptr, 0};
  dl_iterate_phdr(LookAt, &found);
  return found;
}

}  // namespace tierlock
