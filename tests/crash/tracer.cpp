#include "tests/crash/tracer.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <map>

namespace fairlead::crash {
namespace {

constexpr int kSyscallStop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD

class Tracer {
 public:
  Tracer(pid_t root, unsigned kill_at) : root_(root), kill_at_(kill_at) {}

  Traced run() {
    int status = 0;
    if (waitpid(root_, &status, 0) != root_ || !WIFSTOPPED(status)) return result_;
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    ptrace(PTRACE_SETOPTIONS, root_, nullptr, options);
    in_syscall_[root_] = false;
    go_on(root_, 0);
    for (;;) {
      const pid_t pid = waitpid(-1, &status, __WALL);
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) return result_;  // ECHILD: nothing is left
      handle(pid, status);
    }
  }

 private:
  static void go_on(pid_t pid, int signal) {
    ptrace(PTRACE_SYSCALL, pid, nullptr, static_cast<long>(signal));
  }

  void handle(pid_t pid, int status) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      in_syscall_.erase(pid);
      if (pid == root_ && WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
      return;
    }
    if (!WIFSTOPPED(status)) return;
    if (result_.killed) {
      kill(pid, SIGKILL);  // born while we killed the others, and not seen until now
      return;
    }
    const bool is_new = in_syscall_.emplace(pid, false).second;
    const int signal = WSTOPSIG(status);
    if (signal == kSyscallStop) {
      bool& inside = in_syscall_[pid];
      inside = !inside;
      if (inside && ++result_.syscalls == kill_at_) return kill_all();
      return go_on(pid, 0);
    }
    const bool is_event = (status >> 16) != 0;
    const bool is_attach_stop = is_new && signal == SIGSTOP;
    go_on(pid, is_event || is_attach_stop || signal == SIGTRAP ? 0 : signal);
  }

  void kill_all() {
    result_.killed = true;
    for (const auto& [pid, inside] : in_syscall_) kill(pid, SIGKILL);
  }

  pid_t root_;
  unsigned kill_at_;
  std::map<pid_t, bool> in_syscall_;
  Traced result_;
};

}  // namespace

Traced trace(pid_t root, unsigned kill_at) { return Tracer(root, kill_at).run(); }

}  // namespace fairlead::crash
