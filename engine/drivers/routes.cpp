#include <algorithm>

#include "engine/drivers/driver.hpp"

namespace fairlead::engine {
namespace {

std::optional<IpAddress> first_gateway(const AddressPlan& plan, IpFamily family) {
  for (const AttachedAddress& address : plan.addresses) {
    if (address.gateway && address.gateway->family() == family) return address.gateway;
  }
  return std::nullopt;
}

bool same_path_apart_from_hops(const RouteSpec& a, const RouteSpec& b) {
  return a.destination == b.destination && a.table == b.table && a.scope == b.scope &&
         a.priority == b.priority && a.mtu == b.mtu && a.advmss == b.advmss;
}

}  // namespace

std::vector<RouteSpec> container_routes(const AddressPlan& plan, const LinkName& link) {
  std::vector<RouteSpec> routes;
  for (const AttachedRoute& given : plan.routes) {
    NextHop hop{.gateway = given.gateway, .link = link};
    // A route with link or host scope has no router by definition (the kernel refuses one).
    const bool local_scope = given.scope.value_or(0) >= 253;
    if (!hop.gateway && !local_scope) hop.gateway = first_gateway(plan, given.destination.family());
    RouteSpec route{.destination = given.destination,
                    .hops = {hop},
                    .table = given.table,
                    .scope = given.scope,
                    .priority = given.priority,
                    .mtu = given.mtu,
                    .advmss = given.advmss,
                    // A second network may bring a default route too: the first one keeps its place.
                    .append = true};
    if (!hop.gateway && !route.scope && given.destination.family() == IpFamily::kV4) route.scope = 253;
    auto same = std::find_if(routes.begin(), routes.end(),
                             [&](const RouteSpec& other) { return same_path_apart_from_hops(other, route); });
    if (same == routes.end()) {
      routes.push_back(std::move(route));
    } else if (std::find(same->hops.begin(), same->hops.end(), hop) == same->hops.end()) {
      same->hops.push_back(hop);
    }
  }
  return routes;
}

}  // namespace fairlead::engine
