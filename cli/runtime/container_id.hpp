// Which container a command is about.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::cli {

/// The path of a namespace that is given as a path (anything with a '/'), as a name in /run/netns, or as a
/// process id; a name wins over a process id. Absolute and without "." and "..", as cnitool writes it.
[[nodiscard]] std::string netns_path(const std::string& argument);

/// The container id that cnitool gives a namespace: "cnitool-" and the first ten bytes of the SHA-512 of its
/// path in hexadecimal. An attachment made by one tool can so be removed by the other.
[[nodiscard]] std::string default_container_id(std::string_view netns_path);

}  // namespace fairlead::cli
