// Files below /proc/sys. Those below net/ show the namespace of the calling thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead::sys {

/// The value of /proc/sys/<key> without white space at its ends, or nothing if there is no such file.
/// kInvalid for a key that is not a plain relative path ("net/ipv4/ip_forward"), one with dots for slashes
/// too.
[[nodiscard]] Result<std::optional<std::string>> read_sysctl(const std::string& key);

/// Makes the value so. Reads first and writes only a value that differs: /proc/sys is read-only in many
/// containers, which is an error only where something would have to change. kNotFound without the file. The
/// error does not repeat the operation ("EROFS: Read-only file system").
[[nodiscard]] Result<void> write_sysctl(const std::string& key, const std::string& value);

}  // namespace fairlead::sys
