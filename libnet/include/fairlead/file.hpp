// Small state files: read whole, replaced whole, directories made when missing.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead {

/// The content, or nothing if the file does not exist. kInvalid past `limit` bytes.
[[nodiscard]] Result<std::optional<std::string>> read_file(const std::string& path,
                                                           std::size_t limit = 1U << 20U);

/// Writes `path`.tmp and renames it over `path`: a reader sees the old or the new content. Missing parent
/// directories are made (0755). On failure the old file stays and the .tmp is removed. No fsync.
Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode);

/// Makes the directory and its missing parents (0755).
Result<void> make_directories(const std::string& path);

/// Removes a file. A missing one is kNotFound.
Result<void> remove_file(const std::string& path);

/// /proc/sys/kernel/random/boot_id without its newline: another value after every boot.
[[nodiscard]] Result<std::string> boot_id();

}  // namespace fairlead
