// The log file of a one-shot executable. Runtimes throw a plugin's standard error away.
#pragma once

#include <memory>
#include <string>

#include "fairlead/log.hpp"
#include "plugins/cni/settings.hpp"

namespace fairlead::cni {

/// Opens the file with the first line that is worth writing, so that a silent call pays nothing. A file
/// that cannot be written means no log, never a failing verb.
///
/// A line: `2026-11-25T03:00:00.123456Z warning FL5001 bridge[4711] ADD net/container/eth0: text`.
/// Before a line is written to a file past the size limit, the file is renamed to `.1`.
class LogFile {
 public:
  explicit LogFile(const Settings& settings);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  /// What stands between id and text in the lines from now on.
  void set_context(std::string context);
  /// A logger that writes here; it must not outlive this object.
  [[nodiscard]] Logger logger();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fairlead::cni
