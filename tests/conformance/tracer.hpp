// Follows a program and all that it starts through their system calls, to count them or to kill it at one.
#pragma once

#include <sys/types.h>

#include <map>

namespace fairlead::conformance {

struct Traced {
  bool killed = false;
  unsigned syscalls = 0;  ///< entries seen, over all threads and children
  std::map<long, unsigned> by_number{};
  /// What read(2), recvmsg(2), getdents64(2) and their kin returned: a scan shows here even where one call
  /// returns hundreds of entries.
  unsigned long bytes_read = 0;
  int exit_code = -1;  ///< of the program itself, if it was not killed
};

/// Traces the child `root`, which stopped at its execve under PTRACE_TRACEME, with all its threads and
/// children. At entry number `kill_at` (from 1; 0: never) everything is killed before that call is made.
/// Returns when no process is left: the caller must be the subreaper of what the program detaches.
Traced trace(pid_t root, unsigned kill_at);

}  // namespace fairlead::conformance
