#include "plugins/cni/result_json.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace fairlead::cni {
namespace {

using Json = nlohmann::json;

constexpr SpecVersion kWithInterfaces{0, 3, 0};     ///< interfaces, ips and routes as lists
constexpr SpecVersion kWithoutIpVersion{1, 0, 0};   ///< ips[].version is gone
constexpr SpecVersion kWithInterfaceData{1, 1, 0};  ///< interfaces[].mtu, socketPath, pciID

std::string to_line(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

void put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}
template <class T>
void put(Json& object, const char* key, const std::optional<T>& value) {
  if (value) object[key] = *value;
}
void put(Json& object, const char* key, const std::vector<std::string>& value) {
  if (!value.empty()) object[key] = value;
}
void put(Json& object, const char* key, Json value) {
  if (!value.empty()) object[key] = std::move(value);
}
void put(Json& object, const char* key, const std::optional<IpAddress>& value) {
  if (value) object[key] = value->to_string();
}

Json dns_to_json(const Dns& dns) {
  Json object;
  put(object, "nameservers", dns.nameservers);
  put(object, "domain", dns.domain);
  put(object, "search", dns.search);
  put(object, "options", dns.options);
  return object;
}

Json interface_to_json(const Interface& interface, const SpecVersion& version) {
  Json object{{"name", interface.name}};
  put(object, "mac", interface.mac);
  put(object, "sandbox", interface.sandbox);
  if (version < kWithInterfaceData) return object;
  put(object, "mtu", interface.mtu);
  put(object, "socketPath", interface.socket_path);
  put(object, "pciID", interface.pci_id);
  return object;
}

Json ip_to_json(const Ip& ip, const SpecVersion& version) {
  Json object{{"address", ip.address.to_string()}};
  if (version < kWithoutIpVersion) object["version"] = ip.address.is_v4() ? "4" : "6";
  put(object, "gateway", ip.gateway);
  put(object, "interface", ip.interface);
  return object;
}

/// mtu, advmss, priority, table and scope came with 1.1.0, but the reference's host-local and static have
/// always answered them in every version since 0.3.0, and its bridge acts on them: they are kept.
Json route_to_json(const Route& route) {
  Json object{{"dst", route.dst.to_string()}};
  put(object, "gw", route.gw);
  put(object, "mtu", route.mtu);
  put(object, "advmss", route.advmss);
  put(object, "priority", route.priority);
  put(object, "table", route.table);
  put(object, "scope", route.scope);
  return object;
}

Json list_shape(const AddResult& result, const SpecVersion& version) {
  Json interfaces = Json::array();
  Json ips = Json::array();
  Json routes = Json::array();
  for (const Interface& interface : result.interfaces) {
    interfaces.push_back(interface_to_json(interface, version));
  }
  for (const Ip& ip : result.ips) ips.push_back(ip_to_json(ip, version));
  for (const Route& route : result.routes) routes.push_back(route_to_json(route));
  Json object;
  put(object, "interfaces", std::move(interfaces));
  put(object, "ips", std::move(ips));
  put(object, "routes", std::move(routes));
  return object;
}

/// 0.1.0 and 0.2.0: an object per family. Routes of a family without an address have no place.
Json family_shape(const AddResult& result) {
  Json object;
  for (const Ip& ip : result.ips) {
    Json family{{"ip", ip.address.to_string()}};
    put(family, "gateway", ip.gateway);
    Json routes = Json::array();
    for (const Route& route : result.routes) {
      if (route.dst.family() != ip.address.family()) continue;
      Json entry{{"dst", route.dst.to_string()}};
      put(entry, "gw", route.gw);
      routes.push_back(std::move(entry));
    }
    put(family, "routes", std::move(routes));
    object[ip.address.is_v4() ? "ip4" : "ip6"] = std::move(family);
  }
  return object;
}

Result<Interface> decode_interface(const Node& node) {
  Interface interface;
  FAIRLEAD_TRY(interface.name, node.required_string("name"));
  FAIRLEAD_TRY(auto mac, node.string("mac"));
  FAIRLEAD_TRY(auto sandbox, node.string("sandbox"));
  FAIRLEAD_TRY(auto socket_path, node.string("socketPath"));
  FAIRLEAD_TRY(auto pci_id, node.string("pciID"));
  FAIRLEAD_TRY(const auto mtu, node.integer("mtu", 0, INT32_MAX));
  interface.mac = std::move(mac).value_or("");
  interface.sandbox = std::move(sandbox).value_or("");
  interface.socket_path = std::move(socket_path).value_or("");
  interface.pci_id = std::move(pci_id).value_or("");
  if (mtu.value_or(0) != 0) interface.mtu = static_cast<std::uint32_t>(*mtu);
  return interface;
}

Result<IfaceAddress> required_address(const Node& node, std::string_view key) {
  FAIRLEAD_TRY(const auto address, node.iface_address(key));
  if (!address) return node.invalid(std::string(key) + " is missing");
  return *address;
}

/// `gateway` of an address must be of its family: everything that programs it relies on that.
Result<std::optional<IpAddress>> decode_gateway(const Node& node, IpFamily family) {
  FAIRLEAD_TRY(const auto gateway, node.ip("gateway"));
  if (gateway && gateway->family() != family) return node.invalid("gateway is of the other address family");
  return gateway;
}

Result<Ip> decode_ip(const Node& node, std::size_t interfaces, DanglingIndex dangling) {
  FAIRLEAD_TRY(const IfaceAddress address, required_address(node, "address"));
  Ip ip{.address = address};
  FAIRLEAD_TRY(ip.gateway, decode_gateway(node, address.family()));
  FAIRLEAD_TRY(const auto index, node.integer("interface", INT32_MIN, INT32_MAX));
  if (!index) return ip;
  if (*index >= 0 && static_cast<std::size_t>(*index) < interfaces) {
    ip.interface = static_cast<std::size_t>(*index);
  } else if (dangling == DanglingIndex::kRefuse) {
    return node.invalid("interface is " + std::to_string(*index) + ", the result has " +
                        std::to_string(interfaces) + " interfaces");
  }
  return ip;
}

/// Zero is how Go writes "not set" for the keys that are plain integers there.
Result<std::optional<std::uint32_t>> above_zero(const Node& node, std::string_view key) {
  FAIRLEAD_TRY(const auto number, node.integer(key, 0, UINT32_MAX));
  if (number.value_or(0) == 0) return std::optional<std::uint32_t>();
  return std::optional(static_cast<std::uint32_t>(*number));
}

Result<Route> decode_route(const Node& node) {
  // Host bits are cut off: the reference's own example has a route to 3ffe:ffff:0:1ff::1/64.
  FAIRLEAD_TRY(const IfaceAddress dst, required_address(node, "dst"));
  Route route{.dst = dst.network()};
  FAIRLEAD_TRY(route.gw, node.ip("gw"));
  if (route.gw && route.gw->family() != route.dst.family()) {
    return node.invalid("gw is of the other address family");
  }
  FAIRLEAD_TRY(route.mtu, above_zero(node, "mtu"));
  FAIRLEAD_TRY(route.advmss, above_zero(node, "advmss"));
  FAIRLEAD_TRY(route.priority, above_zero(node, "priority"));
  // The kernel too takes table 0, RT_TABLE_UNSPEC, for the main table.
  FAIRLEAD_TRY(route.table, above_zero(node, "table"));
  FAIRLEAD_TRY(const auto scope, node.integer("scope", 0, UINT8_MAX));
  if (scope) route.scope = static_cast<std::uint8_t>(*scope);
  return route;
}

Result<void> append_routes(const Node& parent, AddResult& result) {
  FAIRLEAD_TRY(std::vector<Route> routes, decode_routes(parent));
  std::ranges::move(routes, std::back_inserter(result.routes));
  return {};
}

Result<void> decode_family(const Node& root, std::string_view key, IpFamily family, AddResult& result) {
  FAIRLEAD_TRY(const Node node, root.member(key));
  if (!node.present()) return {};
  FAIRLEAD_TRY(const IfaceAddress address, required_address(node, "ip"));
  if (address.family() != family) return node.invalid("ip is of the other address family");
  Ip ip{.address = address};
  FAIRLEAD_TRY(ip.gateway, decode_gateway(node, family));
  result.ips.push_back(ip);
  return append_routes(node, result);
}

Result<void> decode_lists(const Node& root, DanglingIndex dangling, AddResult& result) {
  FAIRLEAD_TRY(const auto interfaces, root.items("interfaces"));
  for (const Node& node : interfaces) {
    FAIRLEAD_TRY(Interface interface, decode_interface(node));
    result.interfaces.push_back(std::move(interface));
  }
  FAIRLEAD_TRY(const auto ips, root.items("ips"));
  for (const Node& node : ips) {
    FAIRLEAD_TRY(const Ip ip, decode_ip(node, result.interfaces.size(), dangling));
    result.ips.push_back(ip);
  }
  return append_routes(root, result);
}

}  // namespace

Result<void> check_expressible(bool has_addresses, const SpecVersion& version) {
  if (has_addresses || version >= kWithInterfaces) return {};
  return fail(kIncompatibleVersion, "cannot convert: no valid IP addresses",
              "a result without an address cannot be told in cniVersion " + version.to_string() +
                  ": use 0.3.0 or later");
}

Result<void> check_expressible(const AddResult& result, const SpecVersion& version) {
  if (version >= kWithInterfaces) return {};
  const auto of_v4 = std::ranges::count_if(result.ips, [](const Ip& ip) { return ip.address.is_v4(); });
  if (of_v4 > 1 || std::ssize(result.ips) - of_v4 > 1) {
    return fail(kIncompatibleVersion,
                "CNI version " + version.to_string() + " does not support more than 1 address per family",
                "use cniVersion 0.3.0 or later");
  }
  return check_expressible(!result.ips.empty(), version);
}

Result<std::string> encode_result(const AddResult& result, const SpecVersion& version) {
  FAIRLEAD_CHECK(check_expressible(result, version));
  Json document = version < kWithInterfaces ? family_shape(result) : list_shape(result, version);
  document["cniVersion"] = version.to_string();
  put(document, "dns", dns_to_json(result.dns));
  return to_line(document);
}

Result<Dns> decode_dns(const Node& node) {
  Dns dns;
  FAIRLEAD_TRY(dns.nameservers, node.strings("nameservers"));
  FAIRLEAD_TRY(auto domain, node.string("domain"));
  dns.domain = std::move(domain).value_or("");
  FAIRLEAD_TRY(dns.search, node.strings("search"));
  FAIRLEAD_TRY(dns.options, node.strings("options"));
  return dns;
}

Result<std::vector<Route>> decode_routes(const Node& parent) {
  std::vector<Route> routes;
  FAIRLEAD_TRY(const auto nodes, parent.items("routes"));
  for (const Node& node : nodes) {
    FAIRLEAD_TRY(const Route route, decode_route(node));
    routes.push_back(route);
  }
  return routes;
}

Result<AddResult> decode_result(const Node& node, const SpecVersion& fallback, DanglingIndex dangling) {
  SpecVersion version = fallback;
  FAIRLEAD_TRY(const auto own_version, node.string("cniVersion"));
  if (own_version && !own_version->empty()) {
    auto parsed = SpecVersion::parse(*own_version);
    if (!parsed) return node.invalid(parsed.error().to_string());
    version = *parsed;
  }
  AddResult result;
  if (version < kWithInterfaces) {
    FAIRLEAD_CHECK(decode_family(node, "ip4", IpFamily::kV4, result));
    FAIRLEAD_CHECK(decode_family(node, "ip6", IpFamily::kV6, result));
  } else {
    FAIRLEAD_CHECK(decode_lists(node, dangling, result));
  }
  FAIRLEAD_TRY(const Node dns, node.member("dns"));
  FAIRLEAD_TRY(result.dns, decode_dns(dns));
  return result;
}

std::string encode_error(const Error& error, int code, const SpecVersion& version) {
  std::string details = error.remedy;
  for (const Error& other : error.secondary) {
    details += (details.empty() ? "also: " : "; also: ") + other.to_string();
  }
  Json object{{"cniVersion", version.to_string()}, {"code", code}, {"msg", error.what}};
  put(object, "details", details);
  return to_line(object);
}

std::string encode_versions() {
  return to_line(
      Json{{"cniVersion", SpecVersion::supported().back()}, {"supportedVersions", SpecVersion::supported()}});
}

Result<ForeignError> decode_error(std::string_view text) {
  FAIRLEAD_TRY(const auto document, Document::parse(text));
  const Node root = document->root();
  ForeignError error;
  FAIRLEAD_TRY(const Node code, root.member("code"));
  FAIRLEAD_TRY(const std::int64_t number, code.as_integer(1, INT32_MAX));
  FAIRLEAD_TRY(auto msg, root.string("msg"));
  FAIRLEAD_TRY(auto details, root.string("details"));
  error.code = static_cast<int>(number);
  error.msg = std::move(msg).value_or("");
  error.details = std::move(details).value_or("");
  return error;
}

}  // namespace fairlead::cni
