// Where the state of running containers is kept: records, lease index, locks, sockets.
#pragma once

#include <string>

#include "fairlead/result.hpp"

namespace fairlead {

/// What the choice of the run directory depends on; read from the process by run_directory().
struct RunDirectoryInputs {
  std::string configured{};       ///< FAIRLEAD_RUN_DIR or `runDir`, empty if not set
  std::string xdg_runtime_dir{};  ///< XDG_RUNTIME_DIR, empty if not set
  bool initial_user_namespace = true;
  bool xdg_is_ours = false;        ///< XDG_RUNTIME_DIR exists and its owner is our effective user
  bool system_is_writable = true;  ///< /run/fairlead is writable, or absent and /run is
};

/// With the initial uid_map: what is configured, else /run/fairlead, whatever else is set, so that
/// every caller on a host agrees on one place. In another user namespace: what is configured, else
/// XDG_RUNTIME_DIR/fairlead if that is ours, else /run/fairlead if it is writable, else kDenied.
[[nodiscard]] Result<std::string> choose_run_directory(const RunDirectoryInputs& inputs);

/// The same, from /proc/self/uid_map (read once per process), the environment and the file system. Creates
/// nothing.
[[nodiscard]] Result<std::string> run_directory(const std::string& configured);

}  // namespace fairlead
