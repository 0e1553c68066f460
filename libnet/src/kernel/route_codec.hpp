// RTM_*ROUTE: unicast routes.
#pragma once

#include <span>

#include "fairlead/route.hpp"
#include "nl/encoder.hpp"
#include "nl/reader.hpp"

namespace fairlead::kernel {

/// Indices of the links of a route's hops, in their order; 0 for a hop without link (the kernel finds the
/// link by the gateway).
using HopLinks = std::span<const LinkIndex>;

[[nodiscard]] Result<std::size_t> add_route(nl::Batch& batch, const RouteSpec& route, HopLinks links);
[[nodiscard]] Result<std::size_t> remove_route(nl::Batch& batch, const RouteSpec& route, HopLinks links);
[[nodiscard]] Result<std::size_t> add_list_routes(nl::Batch& batch, const RouteFilter& filter);

/// Reads an RTM_NEWROUTE; nothing for what is no unicast route of a FIB (local, broadcast, cached).
[[nodiscard]] Result<std::optional<RouteSpec>> read_route(const nl::Message& message);

/// Whether the route is what the filter asks for.
[[nodiscard]] bool matches(const RouteFilter& filter, const RouteSpec& route);

}  // namespace fairlead::kernel
