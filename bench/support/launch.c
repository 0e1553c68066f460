/* launch [-s] PROGRAM ARG...: runs a program once and tells what it cost.
 *
 * A tiny process of its own, for two reasons: ru_maxrss of a child begins at the resident size of whoever
 * forked it, and only a subreaper sees what detached children of the program use after it has left.
 * Standard input and output are the program's alone; one line of numbers goes to descriptor 3:
 *
 *   WAIT_STATUS START_NS END_NS CPU_US MAXRSS_KB SYSCALLS
 *
 * From before the fork until the program itself is reaped, by CLOCK_MONOTONIC; CPU_US, MAXRSS_KB and SYSCALLS
 * are over it and all its descendants, detached ones included. With -s system calls are counted with ptrace,
 * and the times mean nothing. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kReportFd = 3 };

struct cost {
  int status;
  long long start_ns;
  long long end_ns;
  long long cpu_us;
  long max_rss_kb;
  long long syscalls;
};

static _Noreturn void die(const char* what) {
  dprintf(STDERR_FILENO, "launch: %s: %s\n", what, strerror(errno));
  _exit(125);
}

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static _Noreturn void become(char** argv, int traced) {
  close(kReportFd);
  if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || kill(getpid(), SIGSTOP) != 0)) _exit(126);
  execv(argv[0], argv);
  _exit(127);
}

/* Stops of one traced task: two per system call, one per signal and one per new task. */
static void resume(pid_t pid, int status, struct cost* cost) {
  const int signal = WSTOPSIG(status);
  const unsigned event = (unsigned)status >> 16;
  int deliver = 0;
  if (signal == (SIGTRAP | 0x80)) {
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY)
      cost->syscalls++;
  } else if (event == 0 && signal != SIGSTOP && signal != SIGTRAP) {
    deliver = signal;
  }
  ptrace(PTRACE_SYSCALL, pid, NULL, deliver);
}

static void trace_from_the_start(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) die("ptrace");
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                       PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, pid, NULL, options) != 0) die("ptrace");
  ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
}

static long long microseconds(struct timeval t) { return t.tv_sec * 1000000LL + t.tv_usec; }

static struct cost run(char** argv, int traced) {
  struct cost cost = {.status = -1, .start_ns = now_ns()};
  const pid_t program = traced ? fork() : vfork();
  if (program < 0) die("fork");
  if (program == 0) become(argv, traced);
  /* Whoever reads the program's output sees its end when the program and its children have closed it. */
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  if (traced) trace_from_the_start(program);

  for (;;) {
    int status = 0;
    struct rusage usage;
    const pid_t pid = wait4(-1, &status, __WALL, &usage);
    if (pid < 0 && errno == ECHILD) return cost;
    if (pid < 0) die("wait4");
    if (WIFSTOPPED(status)) {
      resume(pid, status, &cost);
      continue;
    }
    if (pid == program) {
      cost.end_ns = now_ns();
      cost.status = status;
    }
    cost.cpu_us += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    if (usage.ru_maxrss > cost.max_rss_kb) cost.max_rss_kb = usage.ru_maxrss;
  }
}

int main(int argc, char** argv) {
  int traced = 0;
  int option = 0;
  while ((option = getopt(argc, argv, "+s")) != -1) {
    if (option == 's') {
      traced = 1;
    } else {
      return 125;
    }
  }
  if (optind == argc) return 125;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) die("subreaper");
  const struct cost cost = run(argv + optind, traced);
  dprintf(kReportFd, "%d %lld %lld %lld %ld %lld\n", cost.status, cost.start_ns, cost.end_ns, cost.cpu_us,
          cost.max_rss_kb, cost.syscalls);
  return 0;
}
