// Kills a program at its n-th system call.
#pragma once

#include <sys/types.h>

namespace fairlead::crash {

struct Traced {
  bool killed = false;
  unsigned syscalls = 0;  ///< entries seen, over all threads and children
  int exit_code = -1;     ///< of the program itself, if it was not killed
};

/// Traces the child `root`, which stopped at its execve under PTRACE_TRACEME, with all its threads and
/// children. At entry number `kill_at` (from 1; 0: never) everything is killed before that call is made.
/// Returns when no process is left: the caller must be the subreaper of what the program detaches.
Traced trace(pid_t root, unsigned kill_at);

}  // namespace fairlead::crash
