#include "plugins/cni/build_note.hpp"

#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include "fairlead/unique_fd.hpp"

namespace fairlead::cni {
namespace {

using ElfHeader = ElfW(Ehdr);
using ProgramHeader = ElfW(Phdr);
using NoteHeader = ElfW(Nhdr);

// Bounds for what a file of ours needs; a file that exceeds them is none.
constexpr std::size_t kMaxProgramHeaders = 64;
constexpr std::size_t kMaxNoteSegment = 4096;
constexpr std::string_view kOwner("Fairlead", sizeof "Fairlead");  // with its NUL, as notes have it
constexpr std::uint32_t kBuildIdType = 1;

template <class T>
std::optional<T> read_object(const ReadAt& read_at, std::uint64_t offset) {
  std::array<std::byte, sizeof(T)> bytes{};
  if (read_at(offset, bytes) != sizeof(T)) return std::nullopt;
  return std::bit_cast<T>(bytes);
}

bool is_for_this_machine(const ElfHeader& header) {
  constexpr unsigned char kOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  constexpr unsigned char kClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == kClass &&
         header.e_ident[EI_DATA] == kOrder && header.e_phentsize == sizeof(ProgramHeader) &&
         header.e_phnum <= kMaxProgramHeaders;
}

/// Takes `size` bytes, and what pads them to a multiple of four, off the front.
std::optional<std::span<const std::byte>> take_padded(std::span<const std::byte>& rest, std::uint64_t size) {
  if (size > rest.size()) return std::nullopt;
  const auto taken = rest.first(static_cast<std::size_t>(size));
  const std::size_t padded = (taken.size() + 3) & ~std::size_t{3};
  rest = rest.subspan(std::min(padded, rest.size()));
  return taken;
}

std::optional<BuildId> find_in_notes(std::span<const std::byte> notes) {
  while (notes.size() >= sizeof(NoteHeader)) {
    NoteHeader header{};
    std::memcpy(&header, notes.data(), sizeof header);
    notes = notes.subspan(sizeof header);
    const auto name = take_padded(notes, header.n_namesz);
    if (!name) return std::nullopt;
    const auto descriptor = take_padded(notes, header.n_descsz);
    if (!descriptor) return std::nullopt;
    const std::string_view owner(reinterpret_cast<const char*>(name->data()), name->size());
    if (owner != kOwner || header.n_type != kBuildIdType || descriptor->size() != sizeof(BuildId)) continue;
    BuildId id{};
    std::memcpy(id.data(), descriptor->data(), id.size());
    return id;
  }
  return std::nullopt;
}

std::optional<BuildId> find_in_segment(const ReadAt& read_at, const ProgramHeader& segment) {
  // Segments of eight-byte alignment hold .note.gnu.property, which is padded otherwise; ours is not there.
  if (segment.p_type != PT_NOTE || segment.p_align > 4 || segment.p_filesz > kMaxNoteSegment) {
    return std::nullopt;
  }
  std::array<std::byte, kMaxNoteSegment> buffer{};
  const auto wanted = std::span(buffer).first(static_cast<std::size_t>(segment.p_filesz));
  if (read_at(segment.p_offset, wanted) != wanted.size()) return std::nullopt;
  return find_in_notes(wanted);
}

}  // namespace

std::optional<BuildId> find_build_id(const ReadAt& read_at) {
  const auto header = read_object<ElfHeader>(read_at, 0);
  if (!header || !is_for_this_machine(*header)) return std::nullopt;
  for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
    const std::uint64_t offset = header->e_phoff + i * sizeof(ProgramHeader);
    const auto segment = read_object<ProgramHeader>(read_at, offset);
    if (!segment) return std::nullopt;
    if (const auto id = find_in_segment(read_at, *segment)) return id;
  }
  return std::nullopt;
}

std::optional<BuildId> build_id_of(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return std::nullopt;
  // Headers and notes stand at the front of an executable: one page is all that is read of ours.
  std::array<std::byte, 4096> page{};
  const ssize_t count = ::pread(fd.get(), page.data(), page.size(), 0);
  if (count <= 0) return std::nullopt;
  const auto front = std::span<const std::byte>(page).first(static_cast<std::size_t>(count));
  return find_build_id([&](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
    if (offset <= front.size() && into.size() <= front.size() - offset) {
      std::memcpy(into.data(), front.data() + offset, into.size());
      return into.size();
    }
    if (offset > INT64_MAX) return 0;
    const ssize_t more = ::pread(fd.get(), into.data(), into.size(), static_cast<off_t>(offset));
    return more < 0 ? 0 : static_cast<std::size_t>(more);
  });
}

}  // namespace fairlead::cni
