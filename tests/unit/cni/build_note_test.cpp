#include <gtest/gtest.h>
#include <link.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "plugins/cni/build_note.hpp"

namespace fairlead::cni {
namespace {

std::optional<BuildId> find_in(const std::string& file) {
  return find_build_id([&](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
    if (offset > file.size()) return 0;
    const std::size_t count = std::min(into.size(), file.size() - static_cast<std::size_t>(offset));
    std::memcpy(into.data(), file.data() + offset, count);
    return count;
  });
}

/// ELF header, one program header, and notes at the end.
class ElfFile {
 public:
  ElfFile() {
    std::memcpy(header_.e_ident, ELFMAG, SELFMAG);
    header_.e_ident[EI_CLASS] = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
    header_.e_ident[EI_DATA] = ELFDATA2LSB;
    header_.e_phoff = sizeof header_;
    header_.e_phentsize = sizeof segment_;
    header_.e_phnum = 1;
    segment_.p_type = PT_NOTE;
    segment_.p_align = 4;
    segment_.p_offset = sizeof header_ + sizeof segment_;
  }
  void add_note(std::string owner, std::uint32_t type, std::string descriptor) {
    const ElfW(Nhdr) note{.n_namesz = static_cast<ElfW(Word)>(owner.size()),
                          .n_descsz = static_cast<ElfW(Word)>(descriptor.size()),
                          .n_type = type};
    owner.resize((owner.size() + 3) / 4 * 4);
    descriptor.resize((descriptor.size() + 3) / 4 * 4);
    notes_.append(reinterpret_cast<const char*>(&note), sizeof note).append(owner).append(descriptor);
    segment_.p_filesz = notes_.size();
  }
  [[nodiscard]] std::string bytes() const {
    return std::string(reinterpret_cast<const char*>(&header_), sizeof header_) +
           std::string(reinterpret_cast<const char*>(&segment_), sizeof segment_) + notes_;
  }
  ElfW(Ehdr) header_{};
  ElfW(Phdr) segment_{};
  std::string notes_{};
};

const std::string kOwner("Fairlead\0", 9);
const std::string kDescriptor(32, '\x5a');
BuildId expected_id() {
  BuildId id{};
  id.fill(0x5a);
  return id;
}

ElfFile file_with_note() {
  ElfFile file;
  file.add_note(std::string("GNU\0", 4), 3, std::string(20, 'g'));
  file.add_note(kOwner, 1, kDescriptor);
  return file;
}

TEST(BuildNote, IsInThisExecutable) {
  EXPECT_EQ(build_id_of("/proc/self/exe"), own_build_id());
  EXPECT_NE(own_build_id(), BuildId{});
}

TEST(BuildNote, IsNotInOtherFiles) {
  for (const char* path : {"/bin/sh", "/dev/null", "/etc/passwd", "/", "/nonexistent"}) {
    EXPECT_EQ(build_id_of(path), std::nullopt) << path;
  }
}

TEST(BuildNote, IsFoundBehindOtherNotes) { EXPECT_EQ(find_in(file_with_note().bytes()), expected_id()); }

TEST(BuildNote, IsOnlyTakenFromItsOwnerWithItsTypeAndSize) {
  for (const auto& [owner, type, descriptor] :
       {std::tuple{std::string("Fairleaf\0", 9), 1U, kDescriptor}, std::tuple{kOwner, 2U, kDescriptor},
        std::tuple{kOwner, 1U, kDescriptor.substr(1)}, std::tuple{kOwner, 1U, kDescriptor + 'x'},
        std::tuple{std::string("Fairlead"), 1U, kDescriptor}}) {
    ElfFile file;
    file.add_note(owner, type, descriptor);
    EXPECT_EQ(find_in(file.bytes()), std::nullopt) << owner << type << descriptor.size();
  }
}

TEST(BuildNote, IsNotFoundInAnyPrefix) {
  const std::string bytes = file_with_note().bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(find_in(bytes.substr(0, length)), std::nullopt) << length;
  }
}

TEST(BuildNote, SurvivesSizesAndOffsetsOutsideTheFile) {
  const ElfFile good = file_with_note();
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4096}, UINT64_MAX,
                                    UINT64_MAX - 63, std::uint64_t{INT64_MAX}}) {
    ElfFile file = good;
    file.header_.e_phoff = value;
    find_in(file.bytes());
    file = good;
    file.segment_.p_offset = value;
    find_in(file.bytes());
    file = good;
    file.segment_.p_filesz = value;
    find_in(file.bytes());
  }
  ElfFile many = good;
  many.header_.e_phnum = 0xffff;
  EXPECT_EQ(find_in(many.bytes()), std::nullopt);
  for (const std::uint32_t size : {0xffffffffU, 0xfffffffdU, 0x80000000U, 33U}) {
    for (const std::size_t field : {0U, 4U}) {
      std::string bytes = good.bytes();
      const std::size_t first_note = sizeof(ElfW(Ehdr)) + sizeof(ElfW(Phdr));
      std::memcpy(bytes.data() + first_note + field, &size, sizeof size);
      EXPECT_EQ(find_in(bytes), std::nullopt) << size << '/' << field;
    }
  }
}

}  // namespace
}  // namespace fairlead::cni
