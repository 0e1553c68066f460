// The `host-local` IPAM plugin: addresses out of ranges, leases in files of this host, in the format of the
// reference plugin of that name. The reservation itself is in ipam/; here is what CNI makes of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipam/pool.hpp"
#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// For a delegating plugin that carries it, and for its own executable.
[[nodiscard]] const Plugin& host_local_plugin();

namespace host_local {

/// What ADD needs of the configuration.
struct Config {
  ipam::Pool pool;
  std::vector<IpAddress> requested{};  ///< runtimeConfig.ips, else args.cni.ips, else IP of CNI_ARGS
  std::vector<Route> routes{};
  std::string resolv_conf{};  ///< path, empty if not set
};

[[nodiscard]] Result<Config> decode_config(const Request& request);
/// runtimeConfig.ipRanges, then the flat form (`subnet` beside `type`), then `ranges`.
[[nodiscard]] Result<ipam::Pool> decode_pool(const Request& request);
/// `ipam.dataDir`, empty if not set. All that DEL and GC need, so that neither depends on the ranges.
[[nodiscard]] Result<std::string> decode_data_dir(const Request& request);

/// The content of a resolv.conf(5), as the `dns` of a result.
[[nodiscard]] Dns parse_resolv_conf(std::string_view text);

}  // namespace host_local
}  // namespace fairlead::cni
