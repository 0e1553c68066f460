// A carrier that comes or goes is noticed by the kernel's link watch (net/core/link_watch.c), a worker that
// runs when it gets the RTNL mutex: on a busy host milliseconds later. Until then the device's queue drops
// what it is given (dev_activate has not run) and a bridge keeps the port disabled (br_port_carrier_check).
#include "kernel/await_operational.hpp"

#include <linux/rtnetlink.h>

#include <string>

#include "kernel/news.hpp"

namespace fairlead::kernel {

namespace {

Result<bool> is_operational_now(RtnlNamespace& netns, LinkIndex link) {
  FAIRLEAD_TRY(const std::optional<LinkState> state, netns.find_link(LinkTarget(link)));
  if (state) return is_operational(*state);
  return Unexpected(Errc::kNotFound, "somebody deleted the link meanwhile", "try again");
}

}  // namespace

// From Linux 6.8 on the question itself does link watch's work (linkwatch_sync_dev in rtnl_getlink), so there
// it is asked once. Before that there is an event to wait for. The subscription comes before the second look,
// so whatever happens after that look is announced.
Result<void> await_operational(RtnlNamespace& netns, LinkIndex link) {
  FAIRLEAD_TRY(bool operational, is_operational_now(netns, link));
  if (operational) return {};
  FAIRLEAD_TRY(News news, News::subscribe(netns, RTNLGRP_LINK));
  for (;;) {
    FAIRLEAD_TRY(operational, is_operational_now(netns, link));
    if (operational) return {};
    FAIRLEAD_CHECK(news.wait("wait for the carrier"));
  }
}

}  // namespace fairlead::kernel
