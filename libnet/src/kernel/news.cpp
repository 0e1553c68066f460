#include "kernel/news.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "fairlead/deadline.hpp"

namespace fairlead::kernel {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kGiveUp{10'000};

/// Takes every datagram from the socket. False if there was none; an error only of the socket itself.
Result<bool> drain(int fd, const char* operation) {
  bool any = false;
  for (;;) {
    char first = 0;  // the rest of each is dropped
    if (recv(fd, &first, sizeof first, MSG_DONTWAIT) >= 0 || errno == ENOBUFS) {
      any = true;
    } else if (errno == EAGAIN) {
      return any;
    } else if (errno != EINTR) {
      return Unexpected(error_from_errno(errno, operation));
    }
  }
}

}  // namespace

News::News(std::unique_ptr<nl::Transport> transport)
    : transport_(std::move(transport)), end_(steady_clock::now() + kGiveUp) {}

Result<News> News::subscribe(const RtnlNamespace& netns, int group) {
  FAIRLEAD_TRY(auto transport, netns.open_subscribed(group));
  return News(std::move(transport));
}

Result<void> News::wait(const char* operation) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end_ - steady_clock::now());
    if (left <= milliseconds::zero()) {
      return Unexpected(Errc::kTimeout, std::string(operation) + ": it does not end",
                        "see what keeps the link from a carrier: somebody (NetworkManager, a udev rule) may "
                        "have taken it or the other end of its pair down");
    }
    FAIRLEAD_CHECK(Deadline::check(operation));
    pollfd ready{.fd = transport_->fd(), .events = POLLIN, .revents = 0};
    const int count = poll(&ready, 1, static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) return Unexpected(error_from_errno(errno, operation));
    FAIRLEAD_TRY(const bool told, drain(transport_->fd(), operation));
    if (told) return {};
  }
}

}  // namespace fairlead::kernel
