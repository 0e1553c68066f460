// /etc/fairlead/fairlead.conf and the FAIRLEAD_* variables, which win over the file.
#pragma once

#include <chrono>
#include <string>

#include "fairlead/log.hpp"
#include "fairlead/result.hpp"

namespace fairlead::cni {

/// Settings of one process. Keys of the file and variables:
/// `logFile` FAIRLEAD_LOG_FILE (empty: no log), `logLevel` FAIRLEAD_LOG_LEVEL
/// (debug|info|warning|error|off), `deadlineSeconds` FAIRLEAD_DEADLINE_SECONDS (1 to 3600),
/// `runDir` FAIRLEAD_RUN_DIR, `logMaxBytes` FAIRLEAD_LOG_MAX_BYTES. FAIRLEAD_CONF names another file.
struct Settings {
  std::string log_file = "/var/log/fairlead/cni.log";
  LogLevel log_level = LogLevel::kWarning;
  bool log_off = false;
  std::size_t log_max_bytes = 10U << 20U;  ///< the file is renamed to .1 past this size
  std::chrono::milliseconds deadline{25'000};
  std::string run_dir{};  ///< as configured; see run_directory()
};

/// A missing file is fine, an unreadable or wrong one is kInvalid and names the key.
[[nodiscard]] Result<Settings> load_settings();

}  // namespace fairlead::cni
