// Small state files: read whole; replaced whole, or written as a journal of lines whose last one counts.
// Directories are made when missing.
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

/// Appends `line`, which ends in a newline, behind the last complete line, made with `mode` as needed: a
/// reader that takes last_line() sees the line before or this one. What a kill or a full disk leaves of it
/// has no newline, does not count, and is overwritten by the next call. A file past 64 KiB is replaced by
/// the line alone. Callers exclude each other. Missing parent directories are made (0755). No fsync.
///
/// Costs a sixth of replace_file(), which makes an inode and frees another.
Result<void> append_line(const std::string& path, std::string_view line, mode_t mode);

/// The last line of `content` that is complete, without its newline; empty if none is.
[[nodiscard]] std::string_view last_line(std::string_view content);

/// Makes the directory and its missing parents (0755).
Result<void> make_directories(const std::string& path);

/// Removes a file. A missing one is kNotFound.
Result<void> remove_file(const std::string& path);

/// /proc/sys/kernel/random/boot_id without its newline: another value after every boot.
[[nodiscard]] Result<std::string> boot_id();

}  // namespace fairlead
