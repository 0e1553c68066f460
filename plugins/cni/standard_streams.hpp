// Standard input, output and error of a plugin.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead::cni {

/// Puts /dev/null in the place of standard streams that are closed, so that no file opened later becomes
/// one of them. False if standard output was closed: nobody can read an answer.
[[nodiscard]] bool open_missing_streams();

/// Everything up to the end of file. kDecodeFailure past `limit` bytes, kTimeout past the deadline.
[[nodiscard]] Result<std::string> read_to_end(int fd, std::size_t limit);

/// All of `text`. kIo (EPIPE, ENOSPC) or kTimeout; part of it may have been written then. Errors name `file`.
[[nodiscard]] Result<void> write_whole(int fd, std::string_view text, const char* file);

}  // namespace fairlead::cni
