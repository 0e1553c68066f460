// One of the few places that make a process. There is no exec: the child is a copy that sends one
// message and waits.
//
// A plain fork would leave a zombie in a long-lived library user, and a thread that reaps it costs more
// than the fork itself. So a middle process, which shares our memory and descriptors (vfork semantics:
// 30 us, we sleep until it is gone), forks the child and exits; it alone is reaped. The child's code runs
// in a copy of a possibly multi-threaded process: only async-signal-safe calls, no allocation.
#include "sys/async_delete.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>

namespace fairlead::sys {

namespace {

constexpr std::size_t kStackSize = std::size_t{64} * 1024;

struct Job {
  const AsyncDelete* what = nullptr;
  int status_fd = -1;
  int fork_errno = 0;
};

/// The descriptors that the child keeps, in ascending order.
struct KeptFds {
  std::array<int, kMaxHeldSockets + 2> fds{};
  std::size_t count = 0;

  void add(int fd) {
    if (fd >= 0 && count < fds.size()) fds[count++] = fd;
  }
  void sort() { std::sort(fds.begin(), fds.begin() + static_cast<std::ptrdiff_t>(count)); }
  [[nodiscard]] bool contains(int fd) const {
    return std::find(fds.begin(), fds.begin() + static_cast<std::ptrdiff_t>(count), fd) !=
           fds.begin() + static_cast<std::ptrdiff_t>(count);
  }
};

KeptFds kept_fds(const Job& job) {
  KeptFds kept;
  kept.add(job.status_fd);
  kept.add(job.what->rtnetlink_fd);
  for (const int fd : job.what->hold) kept.add(fd);
  kept.sort();
  return kept;
}

bool close_gaps(const KeptFds& kept) {
  unsigned first = 0;
  for (std::size_t i = 0; i < kept.count; ++i) {
    const auto fd = static_cast<unsigned>(kept.fds[i]);
    if (fd > first && close_range(first, fd - 1, 0) != 0) return false;
    first = fd + 1;
  }
  return close_range(first, ~0U, 0) == 0;
}

/// The number that `name` consists of, -1 for any other name.
int number_of(const char* name) {
  int number = 0;
  for (const char* c = name; *c != '\0'; ++c) {
    if (*c < '0' || *c > '9') return -1;
    number = number * 10 + (*c - '0');
  }
  return name[0] == '\0' ? -1 : number;
}

/// Closes what /proc/self/fd lists; false if it cannot be read. opendir(3) would allocate.
bool close_listed(const KeptFds& kept) {
  const int dir = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return false;
  alignas(dirent64) std::array<char, 4096> entries;
  for (;;) {
    const long size = syscall(SYS_getdents64, dir, entries.data(), entries.size());
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      const int fd = number_of(entry->d_name);
      if (fd >= 0 && fd != dir && !kept.contains(fd)) ::close(fd);
      at += entry->d_reclen;
    }
  }
  ::close(dir);
  return true;
}

void close_all_but(const KeptFds& kept) {
  // Container runtimes of before 2021 have seccomp profiles that refuse close_range.
  if (close_gaps(kept) || close_listed(kept)) return;
  rlimit limit{};
  const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536;
  const int end = known ? static_cast<int>(limit.rlim_cur) : 65536;
  for (int fd = 0; fd < end; ++fd) {
    if (!kept.contains(fd)) ::close(fd);
  }
}

void send_request(const Job& job) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto request = job.what->request;
  if (sendto(job.what->rtnetlink_fd, request.data(), request.size(), 0,
             reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel)) >= 0) {
    return;
  }
  const int err = errno;
  // A reader that is gone already is no matter: SIGPIPE is blocked.
  [[maybe_unused]] const auto written = ::write(job.status_fd, &err, sizeof(err));
}

/// Not _exit(3): what the compiler takes for the end of a function makes AddressSanitizer look for the end
/// of the thread's stack, and this stack is none that it knows.
void end_process(int code) { syscall(SYS_exit_group, code); }

/// The point in time `span` from now on; async-signal-safe.
timespec end_of(std::chrono::nanoseconds span) {
  constexpr auto kSecond = std::chrono::nanoseconds(std::chrono::seconds(1)).count();
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto nanoseconds = now.tv_nsec + span.count();
  return {.tv_sec = now.tv_sec + nanoseconds / kSecond, .tv_nsec = nanoseconds % kSecond};
}

void run_child(const Job& job) {
  setsid();
  if (chdir("/") != 0) return;  // cannot happen; a pinned directory would be somebody's busy mount
  prctl(PR_SET_NAME, "fairlead-del", 0, 0, 0);
  close_all_but(kept_fds(job));
  const timespec until = end_of(job.what->hold_time);
  if (job.what->rtnetlink_fd >= 0) send_request(job);
  if (!job.what->hold.empty()) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

/// Runs in the middle process, on a stack of its own.
int fork_child(void* argument) {
  auto& job = *static_cast<Job*>(argument);
  // The raw call: glibc's fork would touch the locks and lists of the process whose memory we share.
#ifdef __s390x__  // CONFIG_CLONE_BACKWARDS2: the stack comes first
  const long child = syscall(SYS_clone, nullptr, SIGCHLD, nullptr, nullptr, nullptr);
#else
  const long child = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
#endif
  if (child == 0) run_child(job);
  if (child < 0) job.fork_errno = errno;
  end_process(0);
  return 0;
}

/// Runs the middle process to its end. Returns an errno.
int run_middle(Job& job) {
  // Not zeroed: the pages that nobody uses are never touched.
  const auto stack = std::make_unique_for_overwrite<std::byte[]>(kStackSize);
  // Exit signal 0: no SIGCHLD for a handler of our caller, and its wait(2) does not see the middle process.
  const pid_t middle =
      clone(fork_child, stack.get() + kStackSize, CLONE_VM | CLONE_VFORK | CLONE_FILES, &job);
  if (middle < 0) return errno;
  while (waitpid(middle, nullptr, static_cast<int>(__WCLONE)) < 0 && errno == EINTR) {
  }
  return job.fork_errno;
}

}  // namespace

Result<UniqueFd> start_async_delete(const AsyncDelete& what) {
  if (what.hold.size() > kMaxHeldSockets) {
    return Unexpected(Errc::kInternal, "asynchronous delete: too many sockets to hold");
  }
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Unexpected(error_from_errno(errno, "make the status pipe of a deletion"));
  }
  UniqueFd status(ends[0]);
  UniqueFd child_end(ends[1]);
  Job job{.what = &what, .status_fd = child_end.get()};

  // Blocked for good in the child: no handler of the caller ever runs there. Timers are not inherited.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int err = run_middle(job);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (err != 0) return Unexpected(error_from_errno(err, "start the child of a deletion"));
  return status;
}

}  // namespace fairlead::sys
