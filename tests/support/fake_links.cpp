// FakeHost: links (net/core/rtnetlink.c, drivers/net/veth.c, net/bridge/br_if.c).
#include <algorithm>
#include <array>
#include <cerrno>

#include "tests/support/fake_host.hpp"

namespace fairlead::test {
namespace {

constexpr std::uint32_t kDefaultMtu = 1500;
constexpr std::uint32_t kMaxMtu = 65535;                              // ETH_MAX_MTU, of veth and bridge
constexpr std::size_t kMaxAlias = 255;                                // IFALIASZ less one
constexpr std::uint8_t kOperUnknown = 0, kOperDown = 2, kOperUp = 6;  // RFC 2863
constexpr std::uint8_t kScopeHost = 254;

Verdict refuse(int err, std::string text = {}) { return Refusal{err, std::move(text)}; }

constexpr std::array kIpv4Conf = {"accept_local",        "arp_notify", "forwarding",
                                  "promote_secondaries", "rp_filter",  "route_localnet"};
constexpr std::array kIpv6Conf = {"accept_dad", "accept_ra",         "disable_ipv6", "enhanced_dad",
                                  "forwarding", "keep_addr_on_down", "ndisc_notify"};

template <class Visit>
void for_each_conf(const std::string& owner, Visit visit) {
  for (const char* name : kIpv4Conf)
    visit("net/ipv4/conf/" + owner + "/" + name, "net/ipv4/conf/default/", name);
  for (const char* name : kIpv6Conf)
    visit("net/ipv6/conf/" + owner + "/" + name, "net/ipv6/conf/default/", name);
}

}  // namespace

std::string initial_sysctl(const std::string& key) {
  const std::string name = key.substr(key.rfind('/') + 1);
  return name == "accept_dad" || name == "accept_ra" || name == "enhanced_dad" ? "1" : "0";
}

FakeLink* FakeNamespace::find(const std::string& name) {
  for (auto& [index, link] : links) {
    if (link.state.name == name) return &link;
  }
  return nullptr;
}

FakeLink* FakeNamespace::find(LinkIndex index) {
  const auto it = links.find(index.value);
  return it == links.end() ? nullptr : &it->second;
}

FakeHost::FakeHost() { add_namespace(); }

FakeHost::Ns FakeHost::add_namespace() {
  const Ns ns = next_namespace_++;
  FakeNamespace& made = namespaces_[ns];
  made.cookie = 0x1000 + ns;
  for (const char* owner : {"all", "default"}) {
    for_each_conf(owner, [&](const std::string& key, const std::string&, const char*) {
      made.sysctls[key] = initial_sysctl(key);
    });
  }
  made.sysctls["net/ipv4/ip_forward"] = "0";
  made.sysctls["net/bridge/bridge-nf-call-iptables"] = "0";
  FakeLink& lo = insert_link(ns, "lo", "");
  lo.state.loopback = true;
  lo.state.mtu = 65536;
  lo.state.mac = MacAddress();
  return ns;
}

void FakeHost::remove_namespace(Ns ns) {
  FakeNamespace& dying = at(ns);
  while (!dying.links.empty()) erase_link(ns, LinkIndex{dying.links.begin()->first});
  namespaces_.erase(ns);
}

MacAddress FakeHost::next_mac() {
  const std::uint32_t n = next_mac_++;
  return MacAddress({0x0e, 0xfa, 0x4e, static_cast<std::uint8_t>(n >> 16U),
                     static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)});
}

FakeLink& FakeHost::insert_link(Ns ns, const std::string& name, const std::string& kind) {
  FakeNamespace& space = at(ns);
  const LinkIndex index{space.next_index++};
  FakeLink& link = space.links[index.value];
  link.state = {.index = index, .name = name, .kind = kind, .mac = next_mac(), .mtu = kDefaultMtu};
  for_each_conf(name, [&](const std::string& key, const std::string& defaults, const char* conf) {
    space.sysctls[key] = space.sysctls[defaults + conf];
  });
  return link;
}

void FakeHost::drop_hops(Ns ns, LinkIndex index) {
  std::erase_if(at(ns).routes, [&](RouteSpec& route) {
    std::erase_if(route.hops, [&](const NextHop& hop) { return hop.index == index; });
    return route.hops.empty();
  });
}

// Unregisters a link: addresses, routes and sysctls go, ports are released, a veth takes its peer along.
void FakeHost::erase_link(Ns ns, LinkIndex index) {
  FakeNamespace& space = at(ns);
  FakeLink* link = space.find(index);
  if (link == nullptr) return;
  if (link->state.master) unplug(ns, *link);
  for (auto& [other, port] : space.links) {
    if (port.state.master == index) {
      port.state.master.reset();
      port.state.port_kind.clear();
      port.state.port = {};
    }
  }
  drop_hops(ns, index);
  for_each_conf(link->state.name,
                [&](const std::string& key, const std::string&, const char*) { space.sysctls.erase(key); });
  const auto peer = link->state.kind == "veth" ? link->state.link : std::nullopt;
  const Ns peer_ns = link->peer_namespace;
  space.links.erase(index.value);
  if (peer) erase_link(peer_ns, *peer);
}

void FakeHost::set_up(Ns ns, FakeLink& link, bool up) {
  if (link.state.up == up) return;
  link.state.up = up;
  if (!up) {  // fib_disable_ip and addrconf_ifdown
    drop_hops(ns, link.state.index);
    std::erase_if(link.addresses, [](const AddressState& a) { return a.address.is_v6(); });
    return;
  }
  if (!link.state.loopback) return;
  const auto has_v4 = std::any_of(link.addresses.begin(), link.addresses.end(),
                                  [](const AddressState& a) { return a.address.is_v4(); });
  for (const char* text : {"127.0.0.1/8", "::1/128"}) {
    const IfaceAddress address = *IfaceAddress::parse(text);
    if (address.is_v4() && has_v4) continue;
    link.addresses.push_back(
        {.link = link.state.index, .address = address, .attributes = {.scope = kScopeHost}});
  }
}

// A bridge whose MAC nobody has set has the lowest of its ports' (br_stp_recalculate_bridge_id; without
// ports: zero), and one whose MTU nobody has set the smallest (br_mtu_auto_adjust).
void FakeHost::follow_ports(Ns ns, FakeLink& bridge) {
  std::optional<MacAddress> lowest;
  std::optional<std::uint32_t> smallest;
  for (const auto& [index, port] : at(ns).links) {
    if (port.state.master != bridge.state.index) continue;
    if (!lowest || port.state.mac < lowest) lowest = port.state.mac;
    smallest = std::min(smallest.value_or(port.state.mtu), port.state.mtu);
  }
  if (!bridge.mac_set) bridge.state.mac = lowest.value_or(MacAddress());
  if (!bridge.mtu_set) bridge.state.mtu = smallest.value_or(kDefaultMtu);
}

void FakeHost::plug(Ns ns, FakeLink& port, FakeLink& bridge) {
  if (port.state.master == bridge.state.index) return;
  if (port.state.master) unplug(ns, port);
  port.state.master = bridge.state.index;
  port.state.port_kind = "bridge";
  port.state.port = {.hairpin = false, .isolated = false};
  follow_ports(ns, bridge);
}

void FakeHost::unplug(Ns ns, FakeLink& port) {
  FakeLink* bridge = at(ns).find(*port.state.master);
  port.state.master.reset();
  port.state.port_kind.clear();
  port.state.port = {};
  follow_ports(ns, *bridge);
}

void FakeHost::unplug(Ns ns, const std::string& port) {
  FakeLink* link = at(ns).find(port);
  if (link != nullptr && link->state.master) unplug(ns, *link);
}

void FakeHost::rename(Ns ns, const std::string& link, const std::string& name) {
  FakeNamespace& space = at(ns);
  space.find(link)->state.name = name;
  std::vector<std::string> names;
  for_each_conf(link, [&](const std::string& key, const std::string&, const char*) { names.push_back(key); });
  for_each_conf(name,
                [&, i = std::size_t{0}](const std::string& key, const std::string&, const char*) mutable {
                  auto moved = space.sysctls.extract(names[i++]);
                  moved.key() = key;
                  space.sysctls.insert(std::move(moved));
                });
}

Verdict FakeHost::check_master(Ns ns, const LinkSpec& spec, const FakeLink* existing) {
  FakeNamespace& space = at(ns);
  const FakeLink* master = space.find(spec.master->str());
  if (master == nullptr) return refuse(ENODEV);
  if (master->state.kind != "bridge") return refuse(EOPNOTSUPP);
  const std::string kind = existing != nullptr ? existing->state.kind : kind_name(spec.kind);
  if (kind == "bridge") return refuse(ELOOP, "Can not enslave a bridge to a bridge");
  if (existing != nullptr && existing->state.loopback) return refuse(EINVAL);
  if (existing != nullptr && existing->state.master == master->state.index) return std::nullopt;
  const auto ports = std::count_if(space.links.begin(), space.links.end(), [&](const auto& entry) {
    return entry.second.state.master == master->state.index;
  });
  if (static_cast<std::size_t>(ports) >= kMaxPorts) return refuse(EXFULL);
  return std::nullopt;
}

Verdict FakeHost::check_fields(Ns ns, const LinkSpec& spec, const FakeLink* existing) {
  if (spec.mac) {
    if (existing != nullptr && existing->state.loopback) return refuse(EOPNOTSUPP);
    if (spec.mac->is_zero() || spec.mac->is_multicast()) return refuse(EADDRNOTAVAIL);
  }
  if (spec.mtu && spec.mtu->bytes() > kMaxMtu && (existing == nullptr || !existing->state.loopback)) {
    return refuse(EINVAL, "mtu greater than device maximum");
  }
  if (spec.alias && spec.alias->size() > kMaxAlias) return refuse(ERANGE);
  if (spec.master) return check_master(ns, spec, existing);
  return std::nullopt;
}

void FakeHost::set_fields(Ns ns, FakeLink& link, const LinkSpec& spec) {
  FakeNamespace& space = at(ns);
  if (spec.mac) {
    link.state.mac = spec.mac;
    link.mac_set = true;
  }
  if (spec.mtu) {
    link.state.mtu = spec.mtu->bytes();
    link.mtu_set = true;
  }
  if (spec.master) plug(ns, link, *space.find(spec.master->str()));
  if (link.state.master) {
    if (spec.port.hairpin) link.state.port.hairpin = spec.port.hairpin;
    if (spec.port.isolated) link.state.port.isolated = spec.port.isolated;
    follow_ports(ns, *space.find(*link.state.master));
  }
  if (spec.promisc) link.state.promisc_flag = *spec.promisc;
  if (spec.alias) link.state.alias = *spec.alias;
  if (spec.arp_notify) {
    space.sysctls["net/ipv4/conf/" + link.state.name + "/arp_notify"] = *spec.arp_notify ? "1" : "0";
  }
  if (spec.up) set_up(ns, link, *spec.up);
}

Verdict FakeHost::create_link(Ns ns, const LinkSpec& spec, Ns peer_ns) {
  const std::string kind = kind_name(spec.kind);
  const auto* veth = std::get_if<VethLink>(&spec.kind);
  const auto taken = [&](Ns where, const LinkName& name) {
    if (veth == nullptr) return refuse(EEXIST);  // of one name there is nothing to tell apart
    return refuse(EEXIST,
                  name.str() + " exists already" + (where == kHostNs ? " on the host" : " in the container"));
  };
  if (at(ns).find(spec.name.str()) != nullptr) return taken(ns, spec.name);
  if (auto refused = check_fields(ns, spec, nullptr)) return refused;
  if (veth == nullptr) {
    FakeLink& link = insert_link(ns, spec.name.str(), kind);
    if (const auto* bridge = std::get_if<BridgeLink>(&spec.kind)) link.state.bridge = *bridge;
    set_fields(ns, link, spec);
    return std::nullopt;
  }
  const LinkSpec peer_spec{
      .name = veth->peer.name, .kind = ExistingLink{}, .mac = veth->peer.mac, .mtu = veth->peer.mtu};
  if (at(peer_ns).find(peer_spec.name.str()) != nullptr) return taken(peer_ns, peer_spec.name);
  if (peer_ns == ns && peer_spec.name == spec.name) return refuse(EEXIST);
  if (auto refused = check_fields(peer_ns, peer_spec, nullptr)) return refused;
  FakeLink& peer = insert_link(peer_ns, peer_spec.name.str(), kind);
  FakeLink& link = insert_link(ns, spec.name.str(), kind);
  const std::optional<std::int32_t> nsid = ns == peer_ns ? std::nullopt : std::optional<std::int32_t>(0);
  link.state.link = peer.state.index;
  link.state.link_nsid = peer.state.link_nsid = nsid;
  link.peer_namespace = peer_ns;
  peer.state.link = link.state.index;
  peer.peer_namespace = ns;
  set_fields(peer_ns, peer, peer_spec);
  set_fields(ns, link, spec);
  return std::nullopt;
}

Verdict FakeHost::change_link(Ns ns, const LinkSpec& spec) {
  FakeLink* link = at(ns).find(spec.name.str());
  if (link == nullptr) return refuse(ENODEV);
  if (auto refused = check_fields(ns, spec, link)) return refused;
  if (const auto* bridge = std::get_if<BridgeLink>(&spec.kind);
      bridge != nullptr && *bridge != BridgeLink{}) {
    if (link->state.kind != "bridge") return refuse(EOPNOTSUPP);
    BridgeLink& is = link->state.bridge;
    if (bridge->vlan_filtering) is.vlan_filtering = bridge->vlan_filtering;
    if (bridge->vlan_default_pvid) is.vlan_default_pvid = bridge->vlan_default_pvid;
  }
  set_fields(ns, *link, spec);
  return std::nullopt;
}

Verdict FakeHost::delete_link(Ns ns, const std::string& name) {
  const FakeLink* link = at(ns).find(name);
  if (link == nullptr) return refuse(ENODEV);
  if (link->state.kind.empty()) return refuse(EOPNOTSUPP);
  erase_link(ns, link->state.index);
  return std::nullopt;
}

// Nothing happens while it waits: a link that is not operational now never will be.
Verdict FakeHost::await_operational(Ns ns, const std::string& name) {
  const FakeLink* link = at(ns).find(name);
  if (link == nullptr) return refuse(ENODEV);
  awaited_.push_back(name);
  return observed(ns, *link).operstate == kOperUp ? std::nullopt : refuse(ETIMEDOUT);
}

LinkState FakeHost::observed(Ns ns, const FakeLink& link) {
  LinkState state = link.state;
  if (state.kind == "veth") {
    const FakeLink* peer = at(link.peer_namespace).find(*state.link);
    state.lower_up = state.up && peer->state.up;
  } else if (state.kind == "bridge") {
    for (const auto& [index, port] : at(ns).links) {
      if (port.state.master == state.index && observed(ns, port).lower_up) state.lower_up = state.up;
    }
  } else {
    state.lower_up = state.up;
  }
  state.operstate = state.loopback ? kOperUnknown : state.lower_up ? kOperUp : kOperDown;
  // A port without a static forwarding table listens to everything (br_manage_promisc).
  state.promiscuity = (state.promisc_flag ? 1U : 0U) + (state.master ? 1U : 0U);
  return state;
}

}  // namespace fairlead::test
