// Compiled into an OBJECT library, whose files the linker takes as they are: out of an archive it takes
// only what something refers to, and the note would be missing without a word.
#include "plugins/cni/build_note.hpp"

namespace fairlead::cni {
namespace {

/// Elf64_Nhdr and Elf32_Nhdr are the same, followed by name and descriptor in multiples of four bytes.
struct BuildNote {
  std::uint32_t name_size;
  std::uint32_t descriptor_size;
  std::uint32_t type;
  char name[12];
  BuildId id;
};
static_assert(sizeof(BuildNote) == 12 + 12 + 32);

// `used` keeps the compiler, `retain` the linker's --gc-sections from dropping it.
__attribute__((section(".note.fairlead"), used, retain, aligned(4)))
const BuildNote kOwnNote = {.name_size = sizeof "Fairlead",
                            .descriptor_size = sizeof(BuildId),
                            .type = 1,
                            .name = "Fairlead",
                            .id = {
#include "fairlead_build_id.inc"
                            }};

}  // namespace

const BuildId& own_build_id() { return kOwnNote.id; }

}  // namespace fairlead::cni
