// Which links the parts of a plan depend on: what cannot be observed before a link is born, and what
// need not be undone when it dies.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "fairlead/op.hpp"

namespace fairlead {

using LinkSet = std::set<std::pair<Side, std::string>>;

/// The link's name in a per-link sysctl key ("net/ipv4/conf/eth0/arp_notify"), else "".
[[nodiscard]] std::string sysctl_link(const std::string& key);
/// Every hop of the route leaves by one of `links`.
[[nodiscard]] bool all_hops_in(const RouteSpec& route, Side side, const LinkSet& links);
/// What `op` is about goes away with the deletion of the links in `gone`.
[[nodiscard]] bool dies_with(const Op& op, const LinkSet& gone);
/// Adds the link and, of a veth, its peer.
void insert_with_peer(LinkSet& set, Side side, const LinkSpec& spec);

}  // namespace fairlead
