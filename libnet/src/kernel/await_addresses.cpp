#include "kernel/await_addresses.hpp"

#include <linux/rtnetlink.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "fairlead/deadline.hpp"

namespace fairlead::kernel {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// For callers without a deadline. On a link without carrier detection does not begin, so it does not end.
constexpr milliseconds kGiveUp{10'000};

Unexpected duplicate(const IfaceAddress& address) {
  return {Errc::kBusy,
          address.to_string() +
              ": duplicate address detection failed: another host on the network has the address",
          "free the address there, or choose another one"};
}

Unexpected missing(const IfaceAddress& address) {
  return {Errc::kNotFound, address.to_string() + ": the link does not have the address (any more)"};
}

/// The first of `wanted` that is still tentative, or nothing; an error for one that will never be usable.
Result<std::optional<IfaceAddress>> unsettled(std::span<const IfaceAddress> wanted,
                                              const std::vector<AddressState>& seen) {
  std::optional<IfaceAddress> first;
  for (const IfaceAddress& address : wanted) {
    const auto state =
        std::find_if(seen.begin(), seen.end(), [&](const AddressState& is) { return is.address == address; });
    if (state == seen.end()) return missing(address);
    if (state->dad_failed) return duplicate(address);
    if (state->tentative && !first) first = address;
  }
  return first;
}

/// Blocks until something is announced. What it is does not matter: the addresses are asked for again, and so
/// a notification that was lost (kOverrun) is as good as one that came.
Result<void> wait_for_news(nl::Transport& transport, std::span<std::byte> buffer,
                           steady_clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left <= milliseconds::zero()) {
      return Unexpected(Errc::kTimeout, "duplicate address detection does not end",
                        "see whether the link has a carrier: both ends of a pair must be up");
    }
    FAIRLEAD_CHECK(Deadline::check("wait for duplicate address detection"));
    pollfd ready{.fd = transport.fd(), .events = POLLIN, .revents = 0};
    const int count = poll(&ready, 1, static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) {
      return Unexpected(error_from_errno(errno, "wait for duplicate address detection"));
    }
    if (count <= 0) continue;
    const auto size = transport.receive(buffer);
    if (!size && size.error().code != Errc::kOverrun) return Unexpected(Error(size.error()));
    return {};
  }
}

}  // namespace

// The subscription comes before the first look, so whatever happens after that look is announced.
Result<void> await_addresses(RtnlNamespace& netns, LinkIndex link, std::span<const IfaceAddress> addresses) {
  FAIRLEAD_TRY(const auto transport, netns.open_subscribed(RTNLGRP_IPV6_IFADDR));
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(nl::kReceiveBuffer);
  const auto end = steady_clock::now() + kGiveUp;
  for (;;) {
    FAIRLEAD_TRY(const std::vector<AddressState> seen, netns.addresses(link));
    FAIRLEAD_TRY(const std::optional<IfaceAddress> open, unsettled(addresses, seen));
    if (!open) return {};
    Result<void> news = wait_for_news(*transport, {buffer.get(), nl::kReceiveBuffer}, end);
    if (!news) return Unexpected(std::move(news).error().with_context(open->to_string()));
  }
}

}  // namespace fairlead::kernel
