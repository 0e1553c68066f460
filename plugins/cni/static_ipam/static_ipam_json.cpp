// The configuration of static.
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/result_json.hpp"
#include "plugins/cni/static_ipam/static_ipam.hpp"

namespace fairlead::cni::static_ipam {
namespace {

Result<Ip> parse_address(const std::string& text, const std::string& source) {
  auto address = IfaceAddress::parse(text);
  if (address) return Ip{.address = *address};
  return fail(kInvalidConfig, source + ": invalid CIDR: " + address.error().what,
              "write ADDRESS/PREFIXLENGTH, e.g. 10.0.0.2/24");
}

Result<std::vector<Ip>> parse_addresses(const std::vector<std::string>& texts, const std::string& source) {
  std::vector<Ip> ips;
  for (const std::string& text : texts) {
    FAIRLEAD_TRY(Ip ip, parse_address(text, source));
    ips.push_back(ip);
  }
  return ips;
}

Result<std::vector<Ip>> decode_addresses(const Node& ipam) {
  FAIRLEAD_TRY(const auto nodes, ipam.items("addresses"));
  std::vector<Ip> ips;
  for (const Node& node : nodes) {
    FAIRLEAD_TRY(const std::string text, node.required_string("address"));
    FAIRLEAD_TRY(Ip ip, parse_address(text, node.path() + ".address"));
    FAIRLEAD_TRY(ip.gateway, node.ip("gateway"));
    if (ip.gateway && ip.gateway->family() != ip.address.family())
      return node.invalid("gateway is of the other address family");
    ips.push_back(ip);
  }
  return ips;
}

/// "a, b" of CNI_ARGS.
std::vector<std::string> list_of(const Request& request, const char* key) {
  std::vector<std::string> items;
  const auto found = request.args.find(key);
  if (found == request.args.end() || found->second.empty()) return items;
  std::string_view rest = found->second;
  for (;;) {
    const std::string_view item = rest.substr(0, rest.find(','));
    const std::size_t first = std::min(item.find_first_not_of(" \t"), item.size());
    items.emplace_back(item.substr(first, item.find_last_not_of(" \t") + 1 - first));
    if (item.size() == rest.size()) return items;
    rest.remove_prefix(item.size() + 1);
  }
}

Result<void> apply_gateways(const Request& request, std::vector<Ip>& ips) {
  for (const std::string& text : list_of(request, "GATEWAY")) {
    auto gateway = IpAddress::parse(text);
    if (!gateway)
      return fail(kInvalidConfig, "GATEWAY of CNI_ARGS: invalid gateway address: " + gateway.error().what);
    bool used = false;
    for (Ip& ip : ips) {
      if (!ip.address.network().contains(*gateway)) continue;
      ip.gateway = *gateway;
      used = true;
    }
    if (!used)
      request.log->warning("FL5111", "GATEWAY of CNI_ARGS: " + text + " is in the network of no address");
  }
  return {};
}

Result<std::vector<Ip>> decode_ips(const Node& root, const Node& ipam, const Request& request) {
  FAIRLEAD_TRY(std::vector<Ip> ips, decode_addresses(ipam));
  FAIRLEAD_TRY(const auto appended, parse_addresses(list_of(request, "IP"), "IP of CNI_ARGS"));
  ips.insert(ips.end(), appended.begin(), appended.end());
  FAIRLEAD_CHECK(apply_gateways(request, ips));

  FAIRLEAD_TRY(const Node args, root.member("args"));
  FAIRLEAD_TRY(const Node cni_args, args.member("cni"));
  FAIRLEAD_TRY(const auto args_texts, cni_args.strings("ips"));
  FAIRLEAD_TRY(const Node runtime, root.member("runtimeConfig"));
  FAIRLEAD_TRY(const auto runtime_texts, runtime.strings("ips"));
  FAIRLEAD_TRY(auto from_args, parse_addresses(args_texts, "args.cni.ips"));
  FAIRLEAD_TRY(auto from_runtime, parse_addresses(runtime_texts, "runtimeConfig.ips"));
  if (!from_runtime.empty()) return from_runtime;
  return !from_args.empty() ? from_args : ips;
}

}  // namespace

Result<AddResult> decode_result(const Request& request) {
  const Node root = request.config->root();
  FAIRLEAD_TRY(const Node ipam, root.member("ipam"));
  if (!ipam.present()) return fail(kInvalidConfig, "ipam: missing", "add an ipam section with addresses");
  AddResult result;
  FAIRLEAD_TRY(result.ips, decode_ips(root, ipam, request));
  FAIRLEAD_TRY(result.routes, decode_routes(ipam));
  FAIRLEAD_TRY(const Node dns, ipam.member("dns"));
  FAIRLEAD_TRY(result.dns, decode_dns(dns));
  return result;
}

}  // namespace fairlead::cni::static_ipam
