// FakeHost: addresses and routes (net/ipv4/devinet.c, fib_frontend.c; net/ipv6/addrconf.c, route.c).
#include <algorithm>
#include <cerrno>

#include "tests/support/fake_host.hpp"

namespace fairlead::test {
namespace {

constexpr std::uint32_t kTableMain = 254;
constexpr std::uint32_t kIp6UserMetric = 1024, kIp6ConnectedMetric = 256;
constexpr std::uint8_t kProtocolKernel = 2, kProtocolBoot = 3;
constexpr std::uint8_t kScopeUniverse = 0, kScopeLink = 253, kScopeHost = 254;

Verdict refuse(int err, std::string text = {}) { return Refusal{err, std::move(text)}; }

std::uint8_t scope_of(const IfaceAddress& address) {
  if (address.address().is_loopback()) return kScopeHost;
  return address.is_v6() && address.address().is_link_local() ? kScopeLink : kScopeUniverse;
}

// What the kernel keeps: inet_rtm_newaddr names an address without a label after its link, IPv6 works its
// scope out itself and knows neither label nor broadcast.
AddressAttributes stored_attributes(const FakeLink& link, const AddressSpec& spec) {
  AddressAttributes stored = spec.attributes;
  if (spec.address.is_v6()) {
    stored.scope = scope_of(spec.address);
    stored.label.clear();
    stored.broadcast.reset();
    return stored;
  }
  if (!stored.scope) stored.scope = scope_of(spec.address);
  if (stored.label.empty()) stored.label = link.state.name;
  if (!stored.broadcast && spec.address.prefix() < 31 && !stored.peer) {
    stored.broadcast = spec.address.network().last();
  }
  return stored;
}

bool same_subnet(const IfaceAddress& a, const IfaceAddress& b) {
  return a.is_v4() && b.is_v4() && a.network() == b.network();
}

// The hop of the route that `wanted` means; a removal names link and gateway.
bool same_hop(const NextHop& wanted, const NextHop& is) {
  return (!wanted.index || wanted.index == is.index) && (!wanted.gateway || wanted.gateway == is.gateway);
}

bool same_key(const RouteSpec& a, const RouteSpec& b) {
  return a.destination == b.destination && a.table == b.table &&
         a.priority.value_or(0) == b.priority.value_or(0);
}

}  // namespace

bool FakeHost::has_local_address(Ns ns, const IpAddress& address) const {
  for (const auto& [index, link] : namespaces_.at(ns).links) {
    for (const AddressState& state : link.addresses) {
      if (state.address.address() == address) return true;
    }
  }
  return false;
}

Verdict FakeHost::add_address(Ns ns, const std::string& link_name, const AddressSpec& spec) {
  FakeLink* link = at(ns).find(link_name);
  if (link == nullptr) return refuse(ENODEV);
  const IfaceAddress& address = spec.address;
  if (address.is_v6()) {
    if (at(ns).sysctls["net/ipv6/conf/" + link_name + "/disable_ipv6"] != "0") {
      return refuse(EACCES, "IPv6 is disabled on this device");
    }
    if (address.address().is_multicast() || address.address().is_unspecified()) return refuse(EADDRNOTAVAIL);
  }
  for (const AddressState& is : link->addresses) {
    const bool same = address.is_v6() ? is.address.address() == address.address() : is.address == address;
    if (same)
      return refuse(EEXIST, address.is_v6() ? "address already assigned" : "Address already assigned");
  }
  // Each family has its own list in the kernel; IPv4 is told first.
  const auto before =
      std::find_if(link->addresses.begin(), link->addresses.end(),
                   [&](const AddressState& is) { return address.is_v4() && is.address.is_v6(); });
  link->addresses.insert(before, {.link = link->state.index,
                                  .address = address,
                                  .attributes = stored_attributes(*link, spec),
                                  .tentative = address.is_v6() && !spec.nodad});
  return std::nullopt;
}

void FakeHost::detect_duplicates(Ns ns, LinkIndex index) {
  FakeLink* link = at(ns).find(index);
  if (link == nullptr || !observed(ns, *link).lower_up) return;
  for (AddressState& is : link->addresses) {
    if (!is.tentative) continue;
    is.dad_failed = occupied_.contains(is.address.address());
    is.tentative = is.dad_failed;  // as the kernel leaves it (addrconf_dad_stop)
  }
}

Verdict FakeHost::remove_address(Ns ns, const std::string& link_name, const IfaceAddress& address) {
  FakeNamespace& space = at(ns);
  FakeLink* link = space.find(link_name);
  if (link == nullptr) return refuse(ENODEV);
  auto& list = link->addresses;
  const auto it =
      std::find_if(list.begin(), list.end(), [&](const AddressState& is) { return is.address == address; });
  if (it == list.end()) return refuse(EADDRNOTAVAIL);
  const bool primary = std::none_of(list.begin(), it,
                                    [&](const AddressState& is) { return same_subnet(is.address, address); });
  list.erase(it);
  // __inet_del_ifa: the secondary addresses of the network go with its primary one.
  if (primary && space.sysctls["net/ipv4/conf/" + link_name + "/promote_secondaries"] == "0") {
    std::erase_if(list, [&](const AddressState& is) { return same_subnet(is.address, address); });
  }
  std::erase_if(space.routes, [&](const RouteSpec& route) {
    return route.source && !has_local_address(ns, *route.source);
  });
  const bool last_v4 = address.is_v4() && std::none_of(list.begin(), list.end(), [](const AddressState& is) {
                         return is.address.is_v4();
                       });
  if (last_v4) {  // fib_disable_ip
    std::erase_if(space.routes, [&](const RouteSpec& route) {
      return route.destination.family() == IpFamily::kV4 &&
             std::all_of(route.hops.begin(), route.hops.end(),
                         [&](const NextHop& hop) { return hop.index == link->state.index; });
    });
  }
  return std::nullopt;
}

std::vector<RouteSpec> FakeHost::all_routes(Ns ns) {
  std::vector<RouteSpec> routes = at(ns).routes;
  for (const auto& [index, link] : at(ns).links) {
    if (!link.state.up || link.state.loopback) continue;
    std::set<IpNetwork> seen;
    for (const AddressState& is : link.addresses) {
      const IpNetwork network = is.address.network();
      if (is.address.prefix() == is.address.address().bits() && is.address.is_v4()) continue;
      if (!seen.insert(network).second) continue;
      RouteSpec route{.destination = network,
                      .hops = {{.index = LinkIndex{index}}},
                      .table = kTableMain,
                      .protocol = kProtocolKernel};
      if (is.address.is_v4()) {
        route.source = is.address.address();
        route.scope = kScopeLink;
      } else {
        route.priority = kIp6ConnectedMetric;
      }
      routes.push_back(std::move(route));
    }
  }
  return routes;
}

// Resolves the hop to an index; the kernel's checks of fib_check_nh and ip6_route_check_nh.
Verdict FakeHost::check_hop(Ns ns, const RouteSpec& route, NextHop& hop) {
  const bool v6 = route.destination.family() == IpFamily::kV6;
  if (hop.link) {
    const FakeLink* link = at(ns).find(hop.link->str());
    if (link == nullptr) return refuse(ENODEV);
    hop.index = link->state.index;
    hop.link.reset();
  }
  if (hop.index) {
    const FakeLink* link = at(ns).find(*hop.index);
    if (link == nullptr) return refuse(ENODEV);
    if (!link->state.up)
      return refuse(ENETDOWN, v6 ? "Nexthop device is not up" : "Device for nexthop is not up");
  }
  if (!hop.gateway) return hop.index ? std::nullopt : refuse(EINVAL);
  if (has_local_address(ns, *hop.gateway)) return refuse(EINVAL, "Nexthop has invalid gateway");
  if (hop.onlink || (hop.gateway->is_v6() && hop.gateway->is_link_local() && hop.index)) return std::nullopt;
  for (const RouteSpec& known : all_routes(ns)) {
    const bool direct = known.hops.size() == 1 && !known.hops[0].gateway;
    if (!direct || !known.destination.contains(*hop.gateway)) continue;
    if (hop.index && hop.index != known.hops[0].index) continue;
    hop.index = known.hops[0].index;
    return std::nullopt;
  }
  return v6 ? refuse(EHOSTUNREACH) : refuse(ENETUNREACH, "Nexthop has invalid gateway");
}

Verdict FakeHost::add_route(Ns ns, const RouteSpec& wanted) {
  RouteSpec route = wanted;
  const bool v6 = route.destination.family() == IpFamily::kV6;
  const bool append = std::exchange(route.append, false);
  route.table = route.table.value_or(kTableMain);
  route.protocol = route.protocol.value_or(kProtocolBoot);
  bool direct = true;
  for (NextHop& hop : route.hops) {
    if (auto refused = check_hop(ns, route, hop)) return refused;
    direct = direct && !hop.gateway;
  }
  if (v6) {
    route.scope.reset();
    if (route.priority.value_or(0) == 0) route.priority = kIp6UserMetric;
  } else {
    route.scope = route.scope.value_or(direct ? kScopeLink : kScopeUniverse);
  }
  if (route.source && !has_local_address(ns, *route.source)) {
    return refuse(EINVAL, v6 ? "Invalid source address" : "Invalid prefsrc address");
  }
  for (const RouteSpec& is : all_routes(ns)) {
    if (same_key(is, route) && (!append || is.hops == route.hops)) return refuse(EEXIST);
  }
  if (v6) {  // fib6_add_rt2node: a route to the same destination becomes another hop
    for (RouteSpec& is : at(ns).routes) {
      if (!same_key(is, route)) continue;
      for (const NextHop& hop : route.hops) {
        if (std::find(is.hops.begin(), is.hops.end(), hop) != is.hops.end()) return refuse(EEXIST);
      }
      is.hops.insert(is.hops.end(), route.hops.begin(), route.hops.end());
      return std::nullopt;
    }
  }
  at(ns).routes.push_back(std::move(route));
  return std::nullopt;
}

Verdict FakeHost::remove_route(Ns ns, const RouteSpec& wanted) {
  RouteSpec route = wanted;
  route.table = route.table.value_or(kTableMain);
  for (NextHop& hop : route.hops) {
    if (!hop.link) continue;
    const FakeLink* link = at(ns).find(hop.link->str());
    if (link == nullptr) return refuse(ENODEV);
    hop.index = link->state.index;
  }
  const bool v6 = route.destination.family() == IpFamily::kV6;
  auto& list = at(ns).routes;
  for (auto it = list.begin(); it != list.end(); ++it) {
    const bool key = it->destination == route.destination && it->table == route.table &&
                     (route.priority.value_or(0) == 0 || route.priority == it->priority) &&
                     (!route.protocol || route.protocol == it->protocol);
    if (!key || (!v6 && it->hops.size() != route.hops.size())) continue;
    const bool hops = std::all_of(route.hops.begin(), route.hops.end(), [&](const NextHop& hop) {
      return std::any_of(it->hops.begin(), it->hops.end(),
                         [&](const NextHop& is) { return same_hop(hop, is); });
    });
    if (!hops) continue;
    std::erase_if(it->hops, [&](const NextHop& is) {
      return std::any_of(route.hops.begin(), route.hops.end(),
                         [&](const NextHop& hop) { return same_hop(hop, is); });
    });
    if (it->hops.empty()) list.erase(it);
    return std::nullopt;
  }
  return refuse(ESRCH);
}

}  // namespace fairlead::test
