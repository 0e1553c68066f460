#include "kernel/await_addresses.hpp"

#include <linux/rtnetlink.h>

#include <algorithm>

#include "kernel/news.hpp"

namespace fairlead::kernel {

namespace {

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

}  // namespace

// The subscription comes before the first look, so whatever happens after that look is announced.
Result<void> await_addresses(RtnlNamespace& netns, LinkIndex link, std::span<const IfaceAddress> addresses) {
  FAIRLEAD_TRY(News news, News::subscribe(netns, RTNLGRP_IPV6_IFADDR));
  for (;;) {
    FAIRLEAD_TRY(const std::vector<AddressState> seen, netns.addresses(link));
    FAIRLEAD_TRY(const std::optional<IfaceAddress> open, unsettled(addresses, seen));
    if (!open) return {};
    Result<void> told = news.wait("wait for duplicate address detection");
    if (!told) return Unexpected(std::move(told).error().with_context(open->to_string()));
  }
}

}  // namespace fairlead::kernel
