#include "tests/conformance/tracer.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

namespace fairlead::conformance {
namespace {

constexpr long kNone = -1;
constexpr int kSyscallStop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD

bool reads(long number) {
  switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_pread64:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_getdents64:
      return true;
    default:
      return false;
  }
}

class Tracer {
 public:
  Tracer(pid_t root, unsigned kill_at) : root_(root), kill_at_(kill_at) {}

  Traced run() {
    int status = 0;
    if (waitpid(root_, &status, 0) != root_ || !WIFSTOPPED(status)) return result_;
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    ptrace(PTRACE_SETOPTIONS, root_, nullptr, options);
    call_[root_] = kNone;
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
      call_.erase(pid);
      if (pid == root_ && WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
      return;
    }
    if (!WIFSTOPPED(status)) return;
    if (result_.killed) {
      kill(pid, SIGKILL);  // born while we killed the others, and not seen until now
      return;
    }
    const bool is_new = call_.emplace(pid, kNone).second;
    const int signal = WSTOPSIG(status);
    if (signal == kSyscallStop) {
      count(pid);
      if (result_.syscalls == kill_at_ && kill_at_ != 0) return kill_all();
      return go_on(pid, 0);
    }
    const bool is_event = (status >> 16) != 0;
    const bool is_attach_stop = is_new && signal == SIGSTOP;
    go_on(pid, is_event || is_attach_stop || signal == SIGTRAP ? 0 : signal);
  }

  /// At the entry to a call, or at its exit.
  void count(pid_t pid) {
    __ptrace_syscall_info info{};
    ptrace(PTRACE_GET_SYSCALL_INFO, pid, reinterpret_cast<void*>(sizeof info), &info);
    long& call = call_[pid];
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
      call = static_cast<long>(info.entry.nr);
      ++result_.syscalls;
      ++result_.by_number[call];
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      if (reads(call) && info.exit.rval > 0) result_.bytes_read += static_cast<unsigned long>(info.exit.rval);
      call = kNone;
    }
  }

  void kill_all() {
    result_.killed = true;
    for (const auto& [pid, call] : call_) kill(pid, SIGKILL);
  }

  pid_t root_;
  unsigned kill_at_;
  std::map<pid_t, long> call_;  ///< the one that each task is in
  Traced result_;
};

}  // namespace

Traced trace(pid_t root, unsigned kill_at) { return Tracer(root, kill_at).run(); }

}  // namespace fairlead::conformance
