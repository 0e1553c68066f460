// /etc/fairlead/fairlead.conf and the FAIRLEAD_* variables, which win over the file.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/log.hpp"
#include "fairlead/result.hpp"

namespace fairlead::cni {

/// Settings of one process. Keys of the file and variables:
/// `logFile` FAIRLEAD_LOG_FILE (empty: no log), `logLevel` FAIRLEAD_LOG_LEVEL
/// (debug|info|warning|error|off), `deadlineSeconds` FAIRLEAD_DEADLINE_SECONDS (1 to 3600),
/// `runDir` FAIRLEAD_RUN_DIR, `logMaxBytes` FAIRLEAD_LOG_MAX_BYTES. FAIRLEAD_CONF names another file. Of the
/// other variables an empty one counts as not set.
struct Settings {
  std::string log_file = "/var/log/fairlead/cni.log";
  LogLevel log_level = LogLevel::kWarning;
  bool log_off = false;
  std::size_t log_max_bytes = 10U << 20U;               ///< the file is renamed to .1 past this size
  std::optional<std::chrono::milliseconds> deadline{};  ///< see deadline_of()
  std::string run_dir{};                                ///< as configured; see run_directory()
};

/// How long a verb may take: as configured, else 25 s, and 70 s where the IPAM plugin is `dhcp`, which asks
/// its servers for up to 62 s.
[[nodiscard]] std::chrono::milliseconds deadline_of(const Settings& settings, std::string_view ipam_type);

struct LoadedSettings {
  Settings settings{};
  std::vector<Error> problems{};  ///< what they name has its default
};

/// A missing file is fine. Everything in it or in a variable that is wrong is a problem that names the key;
/// a key that nobody knows is one too.
[[nodiscard]] LoadedSettings load_settings_past_errors();
/// The same, with every problem in one error.
[[nodiscard]] Result<Settings> load_settings();

}  // namespace fairlead::cni
