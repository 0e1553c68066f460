// Short ways to write values, specs and ops in tests.
#pragma once

#include <optional>
#include <string>

#include "fairlead/op.hpp"

namespace fairlead::test {

inline LinkName name_of(const std::string& text) { return *LinkName::parse(text); }
inline IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }
inline IfaceAddress iface(const std::string& text) { return *IfaceAddress::parse(text); }
inline IpNetwork net(const std::string& text) { return *IpNetwork::parse(text); }
inline MacAddress mac(const std::string& text) { return *MacAddress::parse(text); }

inline Op on_host(Action action) { return {.side = Side::kHost, .action = std::move(action)}; }
inline Op in_container(Action action) { return {.side = Side::kContainer, .action = std::move(action)}; }

inline LinkSpec bridge_spec(const std::string& name) {
  return {.name = name_of(name), .kind = BridgeLink{}, .up = true};
}
inline LinkSpec veth_spec(const std::string& name, const std::string& peer) {
  return {.name = name_of(name),
          .kind = VethLink{.peer = {.side = Side::kContainer, .name = name_of(peer)}},
          .up = true};
}
inline LinkSpec existing(const std::string& name) { return {.name = name_of(name), .kind = ExistingLink{}}; }
inline LinkSpec existing_up(const std::string& name) {
  LinkSpec spec = existing(name);
  spec.up = true;
  return spec;
}
inline RouteSpec route_via(const std::string& destination, const std::string& link,
                           const std::optional<std::string>& gateway = std::nullopt) {
  NextHop hop;
  hop.link = name_of(link);
  if (gateway) hop.gateway = ip(*gateway);
  return {.destination = net(destination), .hops = {hop}};
}

}  // namespace fairlead::test
