// The ELF note `.note.fairlead` that every CNI executable carries: its build id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace fairlead::cni {

using BuildId = std::array<std::uint8_t, 32>;

/// The id of the running executable (cmake/BuildId.cmake).
[[nodiscard]] const BuildId& own_build_id();

/// Copies what a file holds from `offset` on and returns how many bytes that were.
using ReadAt = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> into)>;

/// The build id in the notes of an ELF file of this machine's class and byte order; nothing if there is
/// none, or if the file is malformed.
[[nodiscard]] std::optional<BuildId> find_build_id(const ReadAt& read_at);

/// The same of a file: open, one pread of a page, close.
[[nodiscard]] std::optional<BuildId> build_id_of(const std::string& path);

}  // namespace fairlead::cni
