// Routes: one struct for what we want and what the kernel has.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fairlead/ids.hpp"
#include "fairlead/ip_address.hpp"

namespace fairlead {

/// One hop of a route.
struct NextHop {
  std::optional<IpAddress> gateway{};
  std::optional<LinkName> link{};    ///< wanted: by name
  std::optional<LinkIndex> index{};  ///< observed: by index
  bool onlink = false;               ///< RTNH_F_ONLINK: the gateway need not be in a connected prefix
  std::uint8_t weight = 1;           ///< 1 to 255 (rtnh_hops is one less)
  bool operator==(const NextHop&) const = default;
};

/// A unicast route. Values that are unset are the kernel's defaults.
struct RouteSpec {
  IpNetwork destination;
  std::vector<NextHop> hops;                ///< one, or several for ECMP (RTA_MULTIPATH)
  std::optional<IpAddress> source{};        ///< RTA_PREFSRC
  std::optional<std::uint32_t> table{};     ///< RT_TABLE_MAIN (254) when unset
  std::optional<std::uint8_t> scope{};      ///< RT_SCOPE_*: 0 universe, 253 link, 254 host; IPv4 only
  std::optional<std::uint32_t> priority{};  ///< metric
  std::optional<std::uint32_t> mtu{};       ///< RTAX_MTU, bytes
  std::optional<std::uint32_t> advmss{};    ///< RTAX_ADVMSS, bytes
  std::optional<std::uint8_t> protocol{};   ///< RTPROT_*; RTPROT_BOOT (3) when unset
  /// NLM_F_APPEND instead of NLM_F_EXCL: behind an IPv4 route of the same destination, table and metric;
  /// for IPv6 one more hop of it (one message per hop).
  bool append = false;
  bool operator==(const RouteSpec&) const = default;
};

/// Which routes an observation asks for. Unset fields match any.
struct RouteFilter {
  IpFamily family = IpFamily::kV4;
  std::optional<LinkIndex> link{};
  std::optional<std::uint32_t> table{};  ///< unset: the main table
  bool all_tables = false;
};

}  // namespace fairlead
