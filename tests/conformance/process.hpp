// Child processes of the suite: plugins, and the tools it observes the kernel with.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/conformance/fd.hpp"

namespace fairlead::conformance {

struct Output {
  int exit_code = -1;  ///< -1: killed by a signal or timed out
  bool timed_out = false;
  int signal = 0;
  std::string out{};
  std::string err{};
};

struct Command {
  enum class Stdin { kText, kClosed, kOpenPipe };
  std::vector<std::string> argv{};
  std::map<std::string, std::string> env{};  ///< the whole environment, nothing is inherited
  std::string stdin_text{};
  Stdin stdin_mode = Stdin::kText;  ///< kOpenPipe: a pipe that nobody writes to or closes
  int netns = -1;                   ///< namespace to start in; -1: the caller's
  bool traced = false;              ///< stops at its execve until the parent lets it go on (ptrace(2))
  std::chrono::milliseconds timeout{30'000};
};

/// A started child. Its output goes to memory files, not pipes: a detached grandchild that holds the
/// standard output can neither block the suite nor be blocked by it, and hundreds may run at once.
class Process {
 public:
  /// Throws Failure when it cannot be started.
  explicit Process(const Command& command);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  ~Process();
  /// Waits for at most that time. Whether it has ended.
  [[nodiscard]] bool ends_within(std::chrono::microseconds time) const;
  /// Waits; past the time limit the child is killed.
  Output wait();
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Output so far of a child that somebody else (a tracer) has waited for.
  Output collect();

 private:
  pid_t pid_ = -1;
  Fd pidfd_{};
  Fd out_{};
  Fd err_{};
  Fd held_stdin_{};
  std::chrono::steady_clock::time_point deadline_{};
};

inline Output run(const Command& command) { return Process(command).wait(); }

/// PATH and the sanitizer options: what every child gets.
std::map<std::string, std::string> base_environment();
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

}  // namespace fairlead::conformance
