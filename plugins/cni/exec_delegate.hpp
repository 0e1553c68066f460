// Running another CNI plugin as a process of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// An executable plugin of another build or another origin.
struct ForeignPlugin {
  std::string type;
  std::string file;
};

/// ADD; when it fails, is killed at the deadline or answers no result, its DEL follows.
[[nodiscard]] Result<AddResult> exec_add(const ForeignPlugin& plugin, const Request& request);

/// Any verb but ADD and VERSION.
[[nodiscard]] Result<void> exec_call(const ForeignPlugin& plugin, Verb verb, const Request& request);

/// One plugin process, for callers that play the runtime.
struct ProcessCall {
  std::string file;
  /// They take the place of variables of the same name in this process's environment.
  std::vector<std::pair<std::string, std::string>> variables{};
  std::string input{};  ///< standard input
  Deadline deadline{};
};
struct ProcessOutcome {
  int wait_status = 0;
  std::string output{};  ///< standard output
};
/// Runs it to its end. kTimeout if it had to be killed; standard error is ours.
[[nodiscard]] Result<ProcessOutcome> exec_process(const ProcessCall& call);

}  // namespace fairlead::cni
