// Attributes of RTM_*ADDR and RTM_*ROUTE messages (linux/if_addr.h, linux/rtnetlink.h).
#pragma once

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "nl/attr.hpp"

namespace fairlead::nl {

// Entries are named like the members that they stand for.
// NOLINTBEGIN(readability-identifier-naming)

struct Address {
  using Header = ifaddrmsg;
  static constexpr std::uint16_t kMax = IFA_MAX;
  /// The address of the far end; the same as `local` where there is none.
  static constexpr Attr<Address, IFA_ADDRESS, IpAddress> address{"IFA_ADDRESS"};
  static constexpr Attr<Address, IFA_LOCAL, IpAddress> local{"IFA_LOCAL"};
  static constexpr Attr<Address, IFA_LABEL, Text> label{"IFA_LABEL"};
  static constexpr Attr<Address, IFA_BROADCAST, IpAddress> broadcast{"IFA_BROADCAST"};
  /// An ifa_cacheinfo.
  static constexpr Attr<Address, IFA_CACHEINFO, Octets> cacheinfo{"IFA_CACHEINFO"};
  static constexpr Attr<Address, IFA_FLAGS, std::uint32_t> flags{"IFA_FLAGS"};
  static const AttrTable& table();
};

struct RouteMetrics {
  static constexpr std::uint16_t kMax = RTAX_MAX;
  static constexpr Attr<RouteMetrics, RTAX_MTU, std::uint32_t> mtu{"RTAX_MTU"};
  static constexpr Attr<RouteMetrics, RTAX_ADVMSS, std::uint32_t> advmss{"RTAX_ADVMSS"};
  static const AttrTable& table();
};

struct Route {
  using Header = rtmsg;
  static constexpr std::uint16_t kMax = RTA_MAX;
  static constexpr Attr<Route, RTA_DST, IpAddress> destination{"RTA_DST"};
  static constexpr Attr<Route, RTA_OIF, std::uint32_t> link{"RTA_OIF"};
  static constexpr Attr<Route, RTA_GATEWAY, IpAddress> gateway{"RTA_GATEWAY"};
  static constexpr Attr<Route, RTA_PRIORITY, std::uint32_t> priority{"RTA_PRIORITY"};
  static constexpr Attr<Route, RTA_PREFSRC, IpAddress> source{"RTA_PREFSRC"};
  static constexpr Nest<Route, RTA_METRICS, RouteMetrics> metrics{"RTA_METRICS"};
  /// An array of rtnexthop, each followed by its own attributes of this family.
  static constexpr Attr<Route, RTA_MULTIPATH, Octets> hops{"RTA_MULTIPATH"};
  static constexpr Attr<Route, RTA_TABLE, std::uint32_t> table_id{"RTA_TABLE"};
  /// An rtvia: a gateway of another family than the destination's (RFC 5549).
  static constexpr Attr<Route, RTA_VIA, Octets> via{"RTA_VIA"};
  static const AttrTable& table();
};

// NOLINTEND(readability-identifier-naming)

}  // namespace fairlead::nl
