// The tables that all attachments of a host share: a fixed number of rules, which look sets up.
#pragma once

#include "fairlead/ip_address.hpp"
#include "fairlead/nft.hpp"

namespace fairlead::firewall {

/// `inet fairlead`: NAT of routed traffic.
[[nodiscard]] nft::TableSpec inet_table();

// Sets of addresses are named after their family (4, 6 at the end): describe() prints their keys by that.

/// Packets that came in by this link from this address are masqueraded: `iifname . saddr`.
[[nodiscard]] nft::SetRef masquerade_set(IpFamily family);
/// Unless they leave by this link: `saddr . oifname`.
[[nodiscard]] nft::SetRef masquerade_exempt_set(IpFamily family);

}  // namespace fairlead::firewall
