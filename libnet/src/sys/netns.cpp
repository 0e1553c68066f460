// Namespace handles. What runs inside a namespace runs on a thread that is made for it and dies with it:
// after a failed switch back a pooled thread would act on the wrong namespace for the rest of the process.
#include "fairlead/netns.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

#include "base/quote.hpp"
#include "sys/socket_cookie.hpp"

namespace fairlead {

namespace {

Result<void> require_network_namespace(int fd, const std::string& path) {
  struct statfs fs {};
  if (fstatfs(fd, &fs) != 0) return Unexpected(error_from_errno(errno, "statfs " + quoted(path)));
  if (fs.f_type != NSFS_MAGIC) {
    return Unexpected(Errc::kInvalid, quoted(path) + " is not a namespace",
                      "give the path of a network namespace, e.g. /run/netns/NAME or /proc/PID/ns/net");
  }
  const int type = ioctl(fd, NS_GET_NSTYPE);
  if (type < 0) return Unexpected(error_from_errno(errno, "ask for the type of namespace " + quoted(path)));
  if (type != CLONE_NEWNET) {
    return Unexpected(Errc::kInvalid, quoted(path) + " is a namespace of another type than network");
  }
  return {};
}

struct ThreadWork {
  int netns;
  const std::function<Result<void>()>* work;
  int setns_errno = 0;
  Result<void> result{};
};

void* enter_and_work(void* argument) {
  auto& job = *static_cast<ThreadWork*>(argument);
  if (setns(job.netns, CLONE_NEWNET) != 0) {
    job.setns_errno = errno;
  } else {
    job.result = (*job.work)();
  }
  return nullptr;
}

}  // namespace

Result<Netns> Netns::open(const std::string& path) {
  // O_NONBLOCK: somebody's FIFO must not hang us before its type is known.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    Error error = error_from_errno(errno, "open network namespace " + quoted(path));
    if (error.code == Errc::kNotFound) error.remedy = "the container is gone, or the path is wrong";
    return Unexpected(std::move(error));
  }
  FAIRLEAD_CHECK(require_network_namespace(fd.get(), path));
  return Netns(std::move(fd), path);
}

Result<Netns> Netns::current() { return open("/proc/thread-self/ns/net"); }

Result<std::uint64_t> Netns::cookie() const {
  std::uint64_t cookie = 0;
  FAIRLEAD_CHECK(run([&]() -> Result<void> {
    UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return Unexpected(error_from_errno(errno, "open a socket in " + quoted(path_)));
    FAIRLEAD_TRY(cookie, sys::netns_cookie_of_socket(socket.get()));
    return {};
  }));
  return cookie;
}

Result<void> Netns::run(const std::function<Result<void>()>& work) const {
  ThreadWork job{.netns = fd(), .work = &work};
  pthread_t thread{};
  if (const int err = pthread_create(&thread, nullptr, enter_and_work, &job); err != 0) {
    return Unexpected(error_from_errno(err, "start a thread for namespace " + quoted(path_)));
  }
  pthread_join(thread, nullptr);
  if (job.setns_errno != 0) {
    return Unexpected(error_from_errno(job.setns_errno, "enter network namespace " + quoted(path_))
                          .with_remedy("the caller needs CAP_SYS_ADMIN in its own user namespace and in the "
                                       "one that owns the network namespace"));
  }
  return std::move(job.result);
}

}  // namespace fairlead
