// What tells whether a network namespace is still there, as seen from this process.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "fairlead/file_time.hpp"

namespace fairlead::cli {

/// How this host and boot tell namespaces apart, and what a path at which there is nothing proves here.
struct ThisHost {
  std::string boot_id{};
  std::uint64_t cookie = 0;  ///< SO_NETNS_COOKIE of the host's namespace
  /// The same of the namespace at a path; kNotFound if there is nothing at the path.
  std::function<Result<std::uint64_t>(const std::string& path)> cookie_at{};
  /// /proc has all processes of the host: the PID namespace is the first one.
  bool sees_every_process = false;
  /// Whether a directory is here, and is of the file system that holds our records. A container that was
  /// given these has a directory of its image's under the same name, or none.
  std::function<bool(const std::string& path)> is_beside_records{};
  /// The boot, or some time before it: what was written earlier is of another boot. Nothing if that cannot be
  /// told (a time namespace with a clock of its own).
  std::optional<FileTime> booted_at{};
};

/// `run_dir`: of the records.
[[nodiscard]] Result<ThisHost> this_host(const std::string& run_dir);

}  // namespace fairlead::cli
