// The CNI plugin `bridge`.
#pragma once

#include <optional>

#include "engine/drivers/bridge.hpp"
#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// The configuration of one call of `bridge`.
struct BridgePluginConfig {
  engine::BridgeConfig bridge;
  std::optional<MacAddress> mac{};  ///< runtimeConfig.mac, else args.cni.mac, else MAC of CNI_ARGS
  Dns dns{};                        ///< wins over IPAM's if any field is set
};

/// Decodes and validates. kInvalidConfig or kUnsupportedField, with the key's path and value.
[[nodiscard]] Result<BridgePluginConfig> bridge_config(const Request& request);

[[nodiscard]] const Plugin& bridge_plugin();

}  // namespace fairlead::cni
