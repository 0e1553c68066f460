// The `static` IPAM plugin: the addresses that its caller names. It keeps no state.
#pragma once

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// For a delegating plugin that carries it, and for its own executable.
[[nodiscard]] const Plugin& static_plugin();

namespace static_ipam {

/// The whole answer: addresses, routes, dns. `ipam.addresses` and behind them the addresses of IP in
/// CNI_ARGS, each with the gateway of GATEWAY in CNI_ARGS that lies in its network; but if args.cni.ips or
/// runtimeConfig.ips names addresses, those alone, runtimeConfig.ips before args.cni.ips.
[[nodiscard]] Result<AddResult> decode_result(const Request& request);

}  // namespace static_ipam
}  // namespace fairlead::cni
