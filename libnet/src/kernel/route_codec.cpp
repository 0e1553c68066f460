// Several hops go in one RTA_MULTIPATH message for both families: for IPv6 the kernel makes one route per
// hop of it and takes all back if one fails (ip6_route_multipath_add), which a message per hop with
// NLM_F_APPEND would leave to us. Dumps join such siblings again (rt6_fill_node).
#include "kernel/route_codec.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "nl/inet_attrs.hpp"

namespace fairlead::kernel {

namespace {

using nl::Encoder;
using nl::Route;

std::uint8_t family_of(const IpNetwork& network) {
  return network.family() == IpFamily::kV4 ? AF_INET : AF_INET6;
}

std::uint8_t scope_of(const RouteSpec& route) {
  if (route.destination.family() == IpFamily::kV6) return RT_SCOPE_UNIVERSE;  // IPv6 knows no scopes
  if (route.scope) return *route.scope;
  const bool direct = std::all_of(route.hops.begin(), route.hops.end(),
                                  [](const NextHop& hop) { return !hop.gateway.has_value(); });
  return direct ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

rtmsg header_of(const RouteSpec& route) {
  rtmsg header{};
  header.rtm_family = family_of(route.destination);
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.prefix());
  const std::uint32_t table = route.table.value_or(RT_TABLE_MAIN);
  header.rtm_table = static_cast<std::uint8_t>(table < 256 ? table : RT_TABLE_COMPAT);
  if (route.hops.size() == 1 && route.hops[0].onlink) header.rtm_flags |= RTNH_F_ONLINK;
  return header;
}

/// RTA_GATEWAY, or RTA_VIA for an IPv4 route by way of an IPv6 gateway.
void put_gateway(Encoder<Route>& route, IpFamily family, const NextHop& hop) {
  if (!hop.gateway) return;
  if (hop.gateway->family() == family) {
    route.put(Route::gateway, *hop.gateway);
    return;
  }
  route.raw(Route::via, [&](nl::MessageBytes& bytes) {
    const auto address = std::as_bytes(hop.gateway->bytes());
    std::vector<std::byte> via(sizeof(std::uint16_t));
    const std::uint16_t gateway_family = hop.gateway->is_v4() ? AF_INET : AF_INET6;
    std::memcpy(via.data(), &gateway_family, sizeof(gateway_family));
    via.insert(via.end(), address.begin(), address.end());
    bytes.append(via);
  });
}

void put_hops(Encoder<Route>& message, const RouteSpec& route, HopLinks links) {
  const IpFamily family = route.destination.family();
  if (route.hops.size() == 1) {
    if (links[0].value != 0) message.put(Route::link, links[0].value);
    put_gateway(message, family, route.hops[0]);
    return;
  }
  message.raw(Route::hops, [&](nl::MessageBytes& bytes) {
    for (std::size_t i = 0; i < route.hops.size(); ++i) {
      const NextHop& hop = route.hops[i];
      std::vector<std::byte> attrs;
      nl::MessageBytes inner(attrs);
      Encoder<Route> encoder(inner);
      put_gateway(encoder, family, hop);
      bytes.append_struct(rtnexthop{.rtnh_len = static_cast<std::uint16_t>(sizeof(rtnexthop) + attrs.size()),
                                    .rtnh_flags = static_cast<std::uint8_t>(hop.onlink ? RTNH_F_ONLINK : 0),
                                    .rtnh_hops = static_cast<std::uint8_t>(hop.weight - 1),
                                    .rtnh_ifindex = static_cast<int>(links[i].value)});
      bytes.append(attrs);
    }
  });
}

void put_key(Encoder<Route>& message, const RouteSpec& route, HopLinks links) {
  if (!route.destination.is_default()) message.put(Route::destination, route.destination.address());
  if (route.table) message.put(Route::table_id, *route.table);
  message.put_if(Route::priority, route.priority);
  put_hops(message, route, links);
}

Result<void> check(const RouteSpec& route) {
  if (route.hops.empty()) return Unexpected(Errc::kInvalid, "a route needs a gateway or a link");
  const bool weightless =
      std::any_of(route.hops.begin(), route.hops.end(), [](const NextHop& hop) { return hop.weight == 0; });
  if (weightless) return Unexpected(Errc::kInvalid, "the weight of a route's hop must be 1 to 255");
  return {};
}

/// The gateway in an attribute set of a route or of one of its hops.
std::optional<IpAddress> read_gateway(nl::AttrReader<Route>& attrs) {
  if (const auto gateway = attrs.get(Route::gateway)) return gateway;
  const auto via = attrs.get(Route::via);
  if (!via || via->size() < sizeof(std::uint16_t)) return std::nullopt;
  return nl::Wire<IpAddress>::read(via->subspan(sizeof(std::uint16_t)));
}

NextHop make_hop(const std::optional<IpAddress>& gateway, std::uint32_t index, unsigned flags,
                 unsigned hops) {
  NextHop hop;
  hop.gateway = gateway;
  if (index != 0) hop.index = LinkIndex{index};
  hop.onlink = (flags & RTNH_F_ONLINK) != 0;
  hop.weight = static_cast<std::uint8_t>(std::min(hops + 1, 255U));
  return hop;
}

Result<std::vector<NextHop>> read_hops(nl::ByteView bytes) {
  std::vector<NextHop> hops;
  while (!bytes.empty()) {
    rtnexthop header{};
    if (bytes.size() < sizeof(header)) return Unexpected(nl::malformed_error("RTA_MULTIPATH is cut off"));
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.rtnh_len < sizeof(header) || header.rtnh_len > bytes.size()) {
      return Unexpected(nl::malformed_error("a hop in RTA_MULTIPATH has a wrong length"));
    }
    nl::AttrReader<Route> attrs(bytes.subspan(sizeof(header), header.rtnh_len - sizeof(header)));
    const auto gateway = read_gateway(attrs);
    FAIRLEAD_CHECK(attrs.finish());
    hops.push_back(make_hop(gateway, static_cast<std::uint32_t>(header.rtnh_ifindex), header.rtnh_flags,
                            header.rtnh_hops));
    bytes = bytes.subspan(std::min<std::size_t>(RTNH_ALIGN(header.rtnh_len), bytes.size()));
  }
  return hops;
}

Result<IpNetwork> read_destination(const rtmsg& header, nl::AttrReader<Route>& attrs) {
  const IpFamily family = header.rtm_family == AF_INET ? IpFamily::kV4 : IpFamily::kV6;
  const IpAddress address = attrs.get(Route::destination).value_or(IpAddress::unspecified(family));
  if (address.family() != family) return Unexpected(nl::malformed_error("RTA_DST is of another family"));
  return IpNetwork::containing(address, header.rtm_dst_len);
}

}  // namespace

Result<std::size_t> add_route(nl::Batch& batch, const RouteSpec& route, HopLinks links) {
  FAIRLEAD_CHECK(check(route));
  rtmsg header = header_of(route);
  header.rtm_scope = scope_of(route);
  header.rtm_type = RTN_UNICAST;
  header.rtm_protocol = route.protocol.value_or(RTPROT_BOOT);
  const int flags = NLM_F_ACK | NLM_F_CREATE | (route.append ? NLM_F_APPEND : NLM_F_EXCL);
  return batch.add<Route>(RTM_NEWROUTE, static_cast<std::uint16_t>(flags), header,
                          [&](Encoder<Route> message) {
                            put_key(message, route, links);
                            message.put_if(Route::source, route.source);
                            if (route.mtu || route.advmss) {
                              message.nest(Route::metrics, [&](Encoder<nl::RouteMetrics> metrics) {
                                metrics.put_if(nl::RouteMetrics::mtu, route.mtu);
                                metrics.put_if(nl::RouteMetrics::advmss, route.advmss);
                              });
                            }
                          });
}

Result<std::size_t> remove_route(nl::Batch& batch, const RouteSpec& route, HopLinks links) {
  FAIRLEAD_CHECK(check(route));
  rtmsg header = header_of(route);
  header.rtm_scope = RT_SCOPE_NOWHERE;  // of any scope (fib_table_delete); so is a zero type and protocol
  header.rtm_protocol = route.protocol.value_or(RTPROT_UNSPEC);
  return batch.add<Route>(RTM_DELROUTE, NLM_F_ACK, header,
                          [&](Encoder<Route> message) { put_key(message, route, links); });
}

Result<std::size_t> add_list_routes(nl::Batch& batch, const RouteFilter& filter) {
  rtmsg header{};
  header.rtm_family = filter.family == IpFamily::kV4 ? AF_INET : AF_INET6;
  header.rtm_type = RTN_UNICAST;
  return batch.add<Route>(RTM_GETROUTE, NLM_F_DUMP, header, [&](Encoder<Route> message) {
    if (!filter.all_tables) message.put(Route::table_id, filter.table.value_or(RT_TABLE_MAIN));
    if (filter.link) message.put(Route::link, filter.link->value);
  });
}

Result<std::optional<RouteSpec>> read_route(const nl::Message& message) {
  if (message.header.nlmsg_type != RTM_NEWROUTE) return Unexpected(nl::malformed_error("not a route"));
  FAIRLEAD_TRY(const auto body, nl::split_body<rtmsg>(message.payload));
  const rtmsg& header = body.header;
  const bool known_family = header.rtm_family == AF_INET || header.rtm_family == AF_INET6;
  if (!known_family || header.rtm_type != RTN_UNICAST || (header.rtm_flags & RTM_F_CLONED) != 0) {
    return std::optional<RouteSpec>();
  }
  nl::AttrReader<Route> attrs(body.attrs);
  RouteSpec route;
  FAIRLEAD_TRY(route.destination, read_destination(header, attrs));
  route.table = attrs.get(Route::table_id).value_or(header.rtm_table);
  if (header.rtm_family == AF_INET) route.scope = header.rtm_scope;
  route.protocol = header.rtm_protocol;
  route.priority = attrs.get(Route::priority);
  route.source = attrs.get(Route::source);
  attrs.nest(Route::metrics, [&route](nl::AttrReader<nl::RouteMetrics>& metrics) {
    route.mtu = metrics.get(nl::RouteMetrics::mtu);
    route.advmss = metrics.get(nl::RouteMetrics::advmss);
  });
  if (const auto hops = attrs.get(Route::hops)) {
    FAIRLEAD_TRY(route.hops, read_hops(*hops));
  } else {
    route.hops.push_back(
        make_hop(read_gateway(attrs), attrs.get(Route::link).value_or(0), header.rtm_flags, 0));
  }
  FAIRLEAD_CHECK(attrs.finish());
  return std::optional(std::move(route));
}

bool matches(const RouteFilter& filter, const RouteSpec& route) {
  if (route.destination.family() != filter.family) return false;
  if (!filter.all_tables && route.table != filter.table.value_or(RT_TABLE_MAIN)) return false;
  return !filter.link || std::any_of(route.hops.begin(), route.hops.end(),
                                     [&](const NextHop& hop) { return hop.index == filter.link; });
}

}  // namespace fairlead::kernel
