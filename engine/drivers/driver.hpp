// What every driver works with: the names of one attachment, the addresses it got, and the desired state
// that follows from them. Drivers are pure: no clock, no random numbers, no kernel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fairlead/plan.hpp"

namespace fairlead::engine {

/// Names and hardware addresses that an attachment's links get. The engine derives them from the
/// attachment's identity, so that a teardown finds them without any state.
struct AttachmentNames {
  LinkName host_link;       ///< the host end ("veth" + 11 characters)
  LinkName container_link;  ///< CNI_IFNAME
  MacAddress host_mac;
  MacAddress container_mac;     ///< the configured one, else derived
  MacAddress new_bridge_mac;    ///< for a bridge that has to be created: random, since a host-independent one
                                ///< would clash as soon as two hosts' bridges share a segment
  std::string link_alias;       ///< IFLA_IFALIAS of the host end
  std::string element_comment;  ///< owner of nft elements
};

/// One address of the container's interface, and the router of its subnet if there is one.
struct AttachedAddress {
  IfaceAddress address;
  std::optional<IpAddress> gateway{};
  bool operator==(const AttachedAddress&) const = default;
};

/// One route inside the container as IPAM gave it.
struct AttachedRoute {
  IpNetwork destination;
  std::optional<IpAddress> gateway{};
  std::optional<std::uint32_t> mtu{};
  std::optional<std::uint32_t> advmss{};
  std::optional<std::uint32_t> priority{};
  std::optional<std::uint32_t> table{};
  std::optional<std::uint8_t> scope{};
  bool operator==(const AttachedRoute&) const = default;
};

/// What an attachment was given by IPAM.
struct AddressPlan {
  std::vector<AttachedAddress> addresses{};
  std::vector<AttachedRoute> routes{};
  bool operator==(const AddressPlan&) const = default;
};

/// Desired state in two parts. `shared` (bridge, its addresses, forwarding) is changed under the lock
/// of `lock_name` only when something is missing; `own` belongs to this attachment alone.
struct DesiredState {
  std::string lock_name{};
  Desired shared{};
  Desired own{};
};

/// Wanted routes of the container: a missing gateway becomes the first of its family, routes with equal
/// destination and attributes become one multipath route.
[[nodiscard]] std::vector<RouteSpec> container_routes(const AddressPlan& plan, const LinkName& link);

}  // namespace fairlead::engine
