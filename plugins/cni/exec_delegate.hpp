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

/// ADD; when it fails, is killed at the deadline or answers no result, its DEL follows. The process inherits
/// `lock_fd` (-1: none), so that what it locks stays locked until the process is gone.
[[nodiscard]] Result<AddResult> exec_add(const ForeignPlugin& plugin, const Request& request, int lock_fd);

/// Any verb but ADD and VERSION. A DEL while the request is an ADD undoes that, and has time of its own for
/// it when the deadline has passed.
[[nodiscard]] Result<void> exec_call(const ForeignPlugin& plugin, Verb verb, const Request& request);

/// One plugin process, for callers that play the runtime.
struct ProcessCall {
  std::string file;
  /// They take the place of variables of the same name in this process's environment.
  std::vector<std::pair<std::string, std::string>> variables{};
  std::string input{};  ///< standard input
  int inherited = -1;   ///< a descriptor that the process keeps, whatever its close-on-exec flag says
  Deadline deadline{};
};
struct ProcessOutcome {
  int wait_status = 0;
  std::string output{};  ///< standard output
};
/// Runs it to its end. kTimeout if it had to be killed; standard error is ours.
[[nodiscard]] Result<ProcessOutcome> exec_process(const ProcessCall& call);

}  // namespace fairlead::cni
