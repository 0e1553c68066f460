// Configuration of the `bridge` plugin: keys of containernetworking/plugins 1.9.1, same names and defaults.
#include "libnet/src/base/quote.hpp"
#include "plugins/cni/bridge/bridge.hpp"
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/result_json.hpp"

namespace fairlead::cni {
namespace {

Unexpected unsupported(const Node& root, std::string_view key) {
  const std::string value = root.member(key).value().dump();
  return fail(kUnsupportedField,
              std::string(key) + ": " + value + " is not supported by this version of the bridge plugin",
              "remove the key; without it the port behaves like any other port of the bridge");
}

/// Keys of the reference that this version refuses: silently ignoring one would open what it should close.
Result<void> refuse_unsupported(const Node& root) {
  FAIRLEAD_TRY(const bool checks_spoofing, root.boolean("macspoofchk", false));
  if (checks_spoofing) return unsupported(root, "macspoofchk");
  FAIRLEAD_TRY(const std::optional<std::int64_t> vlan, root.integer("vlan", 0, 4094));
  if (vlan.value_or(0) != 0) return unsupported(root, "vlan");
  FAIRLEAD_TRY(const std::vector<Node> trunk, root.items("vlanTrunk"));
  if (!trunk.empty()) return unsupported(root, "vlanTrunk");
  // Says what happens to VLAN 1 of a port that has vlan or vlanTrunk; other ports keep it in any case.
  FAIRLEAD_CHECK(root.boolean("preserveDefaultVlan"));
  return {};
}

Result<void> check_masquerade_backend(const Request& request, const Node& root) {
  FAIRLEAD_TRY(const std::optional<std::string> backend, root.string("ipMasqBackend"));
  if (!backend || backend->empty() || *backend == "nftables") return {};
  if (*backend != "iptables") {
    FAIRLEAD_TRY(const Node node, root.member("ipMasqBackend"));
    return node.invalid(fairlead::quoted(*backend) + R"( is neither "iptables" nor "nftables")");
  }
  request.log->info("FL3001", R"(ipMasqBackend "iptables": masquerading is done in nftables all the same)");
  return {};
}

Result<std::optional<MacAddress>> configured_mac(const Request& request, const Node& root) {
  FAIRLEAD_TRY(const Node runtime, root.member("runtimeConfig"));
  FAIRLEAD_TRY(const Node args, root.member("args"));
  FAIRLEAD_TRY(const Node cni_args, args.member("cni"));
  for (const Node* node : {&runtime, &cni_args}) {
    FAIRLEAD_TRY(const std::optional<MacAddress> mac, node->mac("mac"));
    if (mac) return mac;
  }
  auto found = request.args.find("MAC");
  if (found == request.args.end() || found->second.empty()) return std::optional<MacAddress>();
  Result<MacAddress> mac = MacAddress::parse(found->second);
  if (!mac) return fail(kInvalidEnvironment, "CNI_ARGS: MAC: " + mac.error().what);
  return std::optional(*mac);
}

/// Of veth and bridge alike (ETH_MAX_MTU); past it the kernel says EINVAL and no more.
constexpr std::int64_t kMaxMtu = 65535;

Result<std::optional<Mtu>> configured_mtu(const Node& root) {
  FAIRLEAD_TRY(const std::optional<std::int64_t> bytes, root.integer("mtu", 0, kMaxMtu));
  if (bytes.value_or(0) == 0) return std::optional<Mtu>();
  Result<Mtu> mtu = Mtu::make(*bytes);
  if (!mtu) {
    FAIRLEAD_TRY(const Node node, root.member("mtu"));
    return node.invalid(mtu.error().what);
  }
  return std::optional(*mtu);
}

Result<engine::BridgeConfig> bridge_keys(const Request& request, const Node& root) {
  FAIRLEAD_TRY(const std::optional<std::string> name, root.string("bridge"));
  Result<LinkName> bridge = LinkName::parse(name && !name->empty() ? *name : "cni0");
  if (!bridge) {
    FAIRLEAD_TRY(const Node node, root.member("bridge"));
    return node.invalid(bridge.error().what);
  }
  engine::BridgeConfig config{.bridge = *std::move(bridge)};
  FAIRLEAD_TRY(config.is_default_gateway, root.boolean("isDefaultGateway", false));
  FAIRLEAD_TRY(config.is_gateway, root.boolean("isGateway", false));
  config.is_gateway = config.is_gateway || config.is_default_gateway;
  FAIRLEAD_TRY(config.force_address, root.boolean("forceAddress", false));
  FAIRLEAD_TRY(config.ip_masq, root.boolean("ipMasq", false));
  FAIRLEAD_TRY(config.hairpin, root.boolean("hairpinMode", false));
  FAIRLEAD_TRY(config.promisc, root.boolean("promiscMode", false));
  FAIRLEAD_TRY(config.isolated, root.boolean("portIsolation", false));
  FAIRLEAD_TRY(config.enable_dad, root.boolean("enabledad", false));
  FAIRLEAD_TRY(config.disable_container_interface, root.boolean("disableContainerInterface", false));
  FAIRLEAD_TRY(config.mtu, configured_mtu(root));
  if (config.hairpin && config.promisc) {
    return fail(kInvalidConfig,
                "hairpinMode and promiscMode are both true: a promiscuous bridge would receive "
                "its own reflected frames",
                "set one of them to false");
  }
  if (config.disable_container_interface && !request.ipam_type.empty()) {
    return fail(kInvalidConfig,
                "disableContainerInterface: true cannot go with an ipam section: addresses of a "
                "link that is down have no use",
                "remove one of the two");
  }
  return config;
}

}  // namespace

Result<BridgePluginConfig> bridge_config(const Request& request) {
  const Node root = request.config->root();
  FAIRLEAD_TRY(engine::BridgeConfig bridge, bridge_keys(request, root));
  FAIRLEAD_CHECK(refuse_unsupported(root));
  FAIRLEAD_CHECK(check_masquerade_backend(request, root));
  BridgePluginConfig config{.bridge = std::move(bridge)};
  FAIRLEAD_TRY(config.mac, configured_mac(request, root));
  FAIRLEAD_TRY(const Node dns, root.member("dns"));
  FAIRLEAD_TRY(config.dns, decode_dns(dns));
  return config;
}

}  // namespace fairlead::cni
