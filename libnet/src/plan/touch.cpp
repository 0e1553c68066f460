#include "plan/touch.hpp"

namespace fairlead {

std::string sysctl_link(const std::string& key) {
  for (const std::string_view prefix :
       {"net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/", "net/mpls/conf/"}) {
    if (!key.starts_with(prefix)) continue;
    const std::string rest = key.substr(prefix.size());
    const std::string name = rest.substr(0, rest.find('/'));
    return name == "all" || name == "default" || name.size() == rest.size() ? "" : name;
  }
  return "";
}

bool dies_with(const Op& op, const LinkSet& gone) {
  const auto is_gone = [&](const std::string& name) { return gone.contains({op.side, name}); };
  if (const auto* a = std::get_if<ChangeLink>(&op.action)) return is_gone(a->spec.name.str());
  if (const auto* a = std::get_if<AddAddress>(&op.action)) return is_gone(a->link.str());
  if (const auto* a = std::get_if<RemoveAddress>(&op.action)) return is_gone(a->link.str());
  if (const auto* a = std::get_if<SetSysctl>(&op.action)) return is_gone(sysctl_link(a->key));
  const RouteSpec* route = nullptr;
  if (const auto* a = std::get_if<AddRoute>(&op.action)) route = &a->route;
  if (const auto* a = std::get_if<RemoveRoute>(&op.action)) route = &a->route;
  return route != nullptr && all_hops_in(*route, op.side, gone);
}

bool all_hops_in(const RouteSpec& route, Side side, const LinkSet& links) {
  for (const NextHop& hop : route.hops) {
    if (!hop.link || !links.contains({side, hop.link->str()})) return false;
  }
  return !route.hops.empty();
}

void insert_with_peer(LinkSet& set, Side side, const LinkSpec& spec) {
  set.insert({side, spec.name.str()});
  if (const auto* veth = std::get_if<VethLink>(&spec.kind)) {
    set.insert({veth->peer.side, veth->peer.name.str()});
  }
}

}  // namespace fairlead
