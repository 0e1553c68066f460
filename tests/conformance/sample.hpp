// Ordinary configurations that the cases start from.
#pragma once

#include <string>

#include "tests/conformance/world.hpp"

namespace fairlead::conformance {

/// host-local on one subnet.
Json host_local_ipam(const std::string& subnet = "10.1.2.0/24");
/// static with these addresses (CIDR).
Json static_ipam(const std::vector<std::string>& addresses);
/// A bridge network on cni0 with isDefaultGateway and host-local on 10.1.2.0/24.
Json bridge_config(const World& world, const std::string& network = "net");
/// A bridge network without layer 3.
Json l2_config(const World& world, const std::string& network = "net");
/// The IPAM executable itself, called directly: `type` is its own.
Json ipam_config(const World& world, const Json& ipam, const std::string& network = "net");
/// A configuration that every verb of `plugin` is content with.
Json sample_config(const World& world, const std::string& plugin);

}  // namespace fairlead::conformance
