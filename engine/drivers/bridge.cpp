// One bridge attachment as desired state. The order of the wants is the order of the work: what is shared
// first, then the pair (its far end is born in the container), then the far end from bottom to top.
//
// Rejected: setting accept_dad=0 in the container, as the reference does. IFA_F_NODAD on the address has
// the same effect without entering the namespace; sysctls are touched only for IPv6: a runtime may
// have switched it off (disable_ipv6), addresses would be lost on link down (keep_addr_on_down) and not be
// announced (ndisc_notify); for IPv4 that is a link attribute.
#include "engine/drivers/bridge.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "firewall/masquerade.hpp"
#include "firewall/tables.hpp"

namespace fairlead::engine {
namespace {

constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN, linux/rtnetlink.h

bool has_family(const AddressPlan& plan, IpFamily family) {
  return std::any_of(plan.addresses.begin(), plan.addresses.end(),
                     [family](const AttachedAddress& a) { return a.address.family() == family; });
}

Want shared(std::variant<WantLink, WantAddress, WantRoute, WantSysctl, WantElements> item) {
  return Want{.side = Side::kHost, .shared = true, .item = std::move(item)};
}

Want host(std::variant<WantLink, WantAddress, WantRoute, WantSysctl, WantElements> item) {
  return Want{.side = Side::kHost, .shared = false, .item = std::move(item)};
}

Want container(std::variant<WantLink, WantAddress, WantRoute, WantSysctl, WantElements> item) {
  return Want{.side = Side::kContainer, .shared = false, .item = std::move(item)};
}

// Settings of the container's own interface vanish with it, so there is nothing to undo.
Want container_sysctl(const LinkName& link, const char* name, const char* value) {
  return Want{.side = Side::kContainer,
              .shared = true,
              .item = WantSysctl{.key = "net/ipv6/conf/" + link.str() + "/" + name, .value = value}};
}

/// fe80::/64 with the modified EUI-64 of the MAC (RFC 4291, appendix A; addrconf_ifid_eui48).
IfaceAddress link_local_of(const MacAddress& mac) {
  const std::array<std::uint8_t, MacAddress::kSize>& m = mac.bytes();
  const auto first = static_cast<std::uint8_t>(m[0] ^ 2U);
  const IpAddress address =
      IpAddress::v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, first, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]});
  return *IfaceAddress::make(address, 64);
}

Desired shared_part(const BridgeConfig& config, const AttachmentNames& names, const AddressPlan& plan) {
  Desired wants;
  LinkSpec bridge{.name = config.bridge,
                  .kind = BridgeLink{},
                  .mac = names.new_bridge_mac,
                  .mtu = config.mtu,
                  .up = true,
                  .alias = kBridgeAlias};
  if (config.promisc) bridge.promisc = true;
  // A bridge that somebody else made keeps the MAC it has when ports come and go.
  // With a container whose interface stays down the bridge may have no port that forwards.
  wants.push_back(shared(WantLink{
      .spec = std::move(bridge), .pin_mac = true, .operational = !config.disable_container_interface}));
  // A container must not be able to advertise itself as the host's IPv6 router (CVE-2020-10749).
  wants.push_back(shared(WantSysctl{
      .key = "net/ipv6/conf/" + config.bridge.str() + "/accept_ra", .value = "0", .optional = true}));
  if (!config.is_gateway) return wants;
  if (has_family(plan, IpFamily::kV6)) {
    // The kernel would generate the same address with the first carrier and then spend a second or two on
    // duplicate address detection. Until that is over it has no address to ask for neighbours from
    // (ndisc_solicit), and nothing from outside reaches a container that has not spoken yet.
    wants.push_back(
        shared(WantAddress{.link = config.bridge,
                           .address = {.address = link_local_of(names.new_bridge_mac), .nodad = true},
                           .at_creation = true}));
  }
  if (has_family(plan, IpFamily::kV4)) {
    wants.push_back(shared(WantSysctl{.key = "net/ipv4/ip_forward", .value = "1"}));
  }
  if (has_family(plan, IpFamily::kV6)) {
    wants.push_back(shared(WantSysctl{.key = "net/ipv6/conf/all/forwarding", .value = "1"}));
  }
  std::set<IfaceAddress> gateways;
  for (const AttachedAddress& attached : plan.addresses) {
    if (!attached.gateway) continue;
    auto address = IfaceAddress::make(*attached.gateway, attached.address.prefix());
    if (!address || !gateways.insert(*address).second) continue;
    wants.push_back(shared(WantAddress{
        .link = config.bridge,
        .address = {.address = *address, .nodad = true},
        .conflict = config.force_address ? AddressConflict::kReplace : AddressConflict::kRefuse}));
  }
  return wants;
}

void add_pair(Desired& wants, const BridgeConfig& config, const AttachmentNames& names) {
  VethLink pair{.peer = {.side = Side::kContainer,
                         .name = names.container_link,
                         .mac = names.container_mac,
                         .mtu = config.mtu}};
  LinkSpec spec{.name = names.host_link,
                .kind = std::move(pair),
                .mac = names.host_mac,
                .mtu = config.mtu,
                .master = config.bridge,
                .up = true,
                .alias = names.link_alias};
  if (config.hairpin) spec.port.hairpin = true;
  if (config.isolated) spec.port.isolated = true;
  wants.push_back(host(WantLink{.spec = std::move(spec), .fresh = true}));
}

void add_container_side(Desired& wants, const BridgeConfig& config, const AttachmentNames& names,
                        const AddressPlan& plan) {
  if (config.disable_container_interface) return;
  const LinkName& link = names.container_link;
  if (has_family(plan, IpFamily::kV6)) {
    wants.push_back(container_sysctl(link, "disable_ipv6", "0"));
    // Below a read-only /proc/sys the attachment works without these.
    for (const char* courtesy : {"keep_addr_on_down", "ndisc_notify"}) {
      Want want = container_sysctl(link, courtesy, "1");
      std::get<WantSysctl>(want.item).courtesy = true;
      wants.push_back(std::move(want));
    }
    if (config.enable_dad) {
      wants.push_back(container_sysctl(link, "accept_dad", "1"));
      wants.push_back(container_sysctl(link, "enhanced_dad", "1"));
    }
  }
  LinkSpec inner{.name = link, .kind = ExistingLink{}, .up = true};
  if (has_family(plan, IpFamily::kV4)) inner.arp_notify = true;
  wants.push_back(container(WantLink{.spec = std::move(inner)}));
  // The pair has a carrier now, but the bridge does not forward before the kernel has noticed. Whatever is
  // said until then is lost: a probe of duplicate address detection, and the announcement below.
  wants.push_back(
      host(WantLink{.spec = {.name = names.host_link, .kind = ExistingLink{}}, .operational = true}));
  for (const AttachedAddress& attached : plan.addresses) {
    wants.push_back(container(
        WantAddress{.link = link, .address = {.address = attached.address, .nodad = !config.enable_dad}}));
  }
  // Neighbours that remember the previous owner of an address learn the new one.
  if (!plan.addresses.empty()) {
    wants.push_back(
        container(WantLink{.spec = {.name = link, .kind = ExistingLink{}}, .announce = names.container_mac}));
  }
  for (RouteSpec& route : container_routes(plan, link)) {
    wants.push_back(container(WantRoute{.route = std::move(route)}));
  }
}

}  // namespace

Result<AddressPlan> complete_bridge_addresses(const BridgeConfig& config, AddressPlan plan) {
  if (!config.is_gateway) return plan;
  for (AttachedAddress& attached : plan.addresses) {
    if (attached.gateway) continue;
    const IpNetwork network = attached.address.network();
    attached.gateway = network.address().next();
    if (!network.contains(*attached.gateway) || *attached.gateway == attached.address.address()) {
      return Unexpected(Errc::kInvalid,
                        "no address is left for the gateway of " + attached.address.to_string(),
                        "name a gateway in the ipam section or use a larger subnet");
    }
  }
  if (!config.is_default_gateway) return plan;
  for (IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    const IpNetwork any = IpNetwork::any(family);
    const bool present = std::any_of(plan.routes.begin(), plan.routes.end(), [&](const AttachedRoute& r) {
      return r.destination == any && r.table.value_or(kMainTable) == kMainTable;
    });
    if (present) continue;
    auto with_gateway = std::find_if(plan.addresses.begin(), plan.addresses.end(),
                                     [&](const AttachedAddress& a) { return a.address.family() == family; });
    if (with_gateway == plan.addresses.end()) continue;
    plan.routes.push_back(AttachedRoute{.destination = any, .gateway = with_gateway->gateway});
  }
  return plan;
}

DesiredState bridge_desired(const BridgeConfig& config, const AttachmentNames& names,
                            const AddressPlan& plan) {
  DesiredState state{.lock_name = config.bridge.str(), .shared = shared_part(config, names, plan), .own = {}};
  add_pair(state.own, config, names);
  add_container_side(state.own, config, names, plan);
  if (config.ip_masq && !plan.addresses.empty()) {
    std::vector<IfaceAddress> addresses;
    for (const AttachedAddress& attached : plan.addresses) addresses.push_back(attached.address);
    state.own.push_back(host(WantElements{
        .tables = {firewall::inet_table()},
        .elements = firewall::masquerade_elements(config.bridge, addresses, names.element_comment)}));
  }
  return state;
}

}  // namespace fairlead::engine
