// IPv6 forwarding and hosts that get their default route from router advertisements.
#pragma once

#include "fairlead/log.hpp"
#include "fairlead/plan.hpp"

namespace fairlead::engine {

/// If `plan` turns IPv6 forwarding on, puts in front of that a SetSysctl accept_ra=2 for every link with an
/// advertised route: with forwarding on and accept_ra=1 the kernel ignores further advertisements
/// (ipv6_accept_ra, net/ipv6/ndisc.c) and the host loses its default route when it expires. Logged as
/// FL2004. Asks the kernel nothing otherwise.
[[nodiscard]] Result<void> keep_advertised_routes(Kernel& kernel, const Logger& log, Plan& plan);

}  // namespace fairlead::engine
