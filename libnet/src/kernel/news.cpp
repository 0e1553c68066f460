#include "kernel/news.hpp"

#include <poll.h>

#include <cerrno>
#include <string>

#include "fairlead/deadline.hpp"

namespace fairlead::kernel {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kGiveUp{10'000};

}  // namespace

News::News(std::unique_ptr<nl::Transport> transport)
    : transport_(std::move(transport)),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(nl::kReceiveBuffer)),
      end_(steady_clock::now() + kGiveUp) {}

Result<News> News::subscribe(const RtnlNamespace& netns, int group) {
  FAIRLEAD_TRY(auto transport, netns.open_subscribed(group));
  return News(std::move(transport));
}

Result<void> News::wait(const char* operation) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end_ - steady_clock::now());
    if (left <= milliseconds::zero()) {
      return Unexpected(Errc::kTimeout, std::string(operation) + ": it does not end",
                        "see whether the link has a carrier: both ends of a pair must be up");
    }
    FAIRLEAD_CHECK(Deadline::check(operation));
    pollfd ready{.fd = transport_->fd(), .events = POLLIN, .revents = 0};
    const int count = poll(&ready, 1, static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) return Unexpected(error_from_errno(errno, operation));
    if (count <= 0) continue;
    const auto size = transport_->receive({buffer_.get(), nl::kReceiveBuffer});
    if (!size && size.error().code != Errc::kOverrun) return Unexpected(Error(size.error()));
    return {};
  }
}

}  // namespace fairlead::kernel
