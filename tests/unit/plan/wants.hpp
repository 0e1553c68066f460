// Short spellings of the values that plans are made of.
#pragma once

#include "fairlead/plan.hpp"

namespace fairlead::test {

inline LinkName name(std::string_view text) { return *LinkName::parse(text); }
inline IfaceAddress iface(std::string_view text) { return *IfaceAddress::parse(text); }
inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
inline IpNetwork net(std::string_view text) { return *IpNetwork::parse(text); }
inline MacAddress mac(std::string_view text) { return *MacAddress::parse(text); }
inline Mtu mtu(std::int64_t bytes) { return *Mtu::make(bytes); }

inline Op host(Action action) { return {.side = Side::kHost, .action = std::move(action)}; }
inline Op inside(Action action) { return {.side = Side::kContainer, .action = std::move(action)}; }
inline Op shared(Action action) { return {.side = Side::kHost, .action = std::move(action), .shared = true}; }

inline RouteSpec default_route(std::string_view gateway, std::string_view link) {
  const IpAddress via = ip(gateway);
  return {.destination = IpNetwork::any(via.family()), .hops = {{.gateway = via, .link = name(link)}}};
}

inline LinkSpec bridge_spec(std::string_view link) { return {.name = name(link), .kind = BridgeLink{}}; }
inline LinkSpec veth_spec(std::string_view link, std::string_view peer) {
  return {.name = name(link), .kind = VethLink{.peer = {.name = name(peer)}}};
}
inline LinkSpec existing_spec(std::string_view link) { return {.name = name(link), .kind = ExistingLink{}}; }

}  // namespace fairlead::test
