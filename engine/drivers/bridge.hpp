// The bridge driver: a veth pair whose host end is a port of a Linux bridge.
#pragma once

#include "engine/drivers/driver.hpp"

namespace fairlead::engine {

/// Alias of a bridge that Fairlead created; `fairlead gc --infra` removes only those.
inline constexpr const char* kBridgeAlias = "fairlead bridge";

/// A bridge network. Field names follow the reference plugin's configuration keys.
struct BridgeConfig {
  LinkName bridge;
  bool is_gateway = false;          ///< the bridge carries the gateway addresses and the host forwards
  bool is_default_gateway = false;  ///< implies is_gateway; adds default routes through it
  bool force_address = false;       ///< replace conflicting addresses of the bridge
  bool ip_masq = false;
  bool hairpin = false;
  bool promisc = false;                      ///< excludes hairpin
  bool isolated = false;                     ///< the port exchanges no frames with other isolated ports
  bool enable_dad = false;                   ///< IPv6 duplicate address detection in the container
  bool disable_container_interface = false;  ///< leave the container's interface down; excludes addresses
  std::optional<Mtu> mtu{};
};

/// Completes what IPAM gave: gateway addresses (network + 1 where missing) and default routes, as
/// is_gateway and is_default_gateway ask. kInvalid if a gateway cannot be formed.
[[nodiscard]] Result<AddressPlan> complete_bridge_addresses(const BridgeConfig& config, AddressPlan plan);

/// What an attachment to the bridge needs. `plan` is complete (see above).
[[nodiscard]] DesiredState bridge_desired(const BridgeConfig& config, const AttachmentNames& names,
                                          const AddressPlan& plan);

}  // namespace fairlead::engine
