// B10: ipMasq, judged by the source address that arrives outside, whatever rules or sets make it so.
#include <sys/stat.h>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

constexpr const char* kBridgeCallsIptables = "/proc/sys/net/bridge/bridge-nf-call-iptables";
constexpr const char* kBridgeCallsIp6tables = "/proc/sys/net/bridge/bridge-nf-call-ip6tables";

Json masquerade_config(const World& world) {
  auto config = bridge_config(world);
  config["ipMasq"] = true;
  config["ipam"] = {{"type", "host-local"},
                    {"ranges", {{{{"subnet", "10.1.2.0/24"}}}, {{{"subnet", "2001:db8:1::/64"}}}}}};
  return config;
}

std::string outside_address(const ResultIp& ip) {
  return ip.address.find(':') == std::string::npos ? "192.0.2.2" : "2001:db8:ffff::2";
}

std::string uplink_address(const ResultIp& ip) {
  return ip.address.find(':') == std::string::npos ? "192.0.2.1" : "2001:db8:ffff::1";
}

/// The server in `netns` at `address` sees the container's datagram come from `expected`.
void require_source(const World& world, const Attachment& attachment, const ResultIp& from,
                    const std::string& netns, const std::string& address, const std::string& expected,
                    const std::string& what) {
  const auto seen = exchange(world, {attachment.netns, from.bare(), netns, address});
  require(seen.has_value(), "no answer from " + address + " to " + from.bare() + " " + what);
  require_equal(*seen, expected, "the source that " + address + " sees of " + from.bare() + " " + what);
}

/// To the outside as the host, to the bridge's own network and the gateway as itself.
void require_masqueraded(const World& world, const Attachment& attachment, const Json& result,
                         const Attachment& peer, const Json& peer_result, const std::string& outside) {
  for (const auto& netns : {std::string(), attachment.netns, peer.netns}) settle_ipv6(world, netns);
  const auto ips = view(result).ips;
  const auto peer_ips = view(peer_result).ips;
  for (std::size_t i = 0; i < ips.size(); ++i) {
    require_source(world, attachment, ips[i], outside, outside_address(ips[i]), uplink_address(ips[i]),
                   "with ipMasq");
    require_source(world, attachment, ips[i], peer.netns, peer_ips.at(i).bare(), ips[i].bare(),
                   "on the same network");
    require_source(world, attachment, ips[i], {}, ips[i].gateway, ips[i].bare(), "at the gateway");
  }
}

/// A container with that very address, without ipMasq, arrives outside as itself.
void require_no_masquerading_left(World& world, const Json& old_config, const Json& old_result,
                                  const std::string& outside) {
  auto plain = old_config;
  plain["ipMasq"] = false;
  for (const auto& ip : view(old_result).ips) plain["runtimeConfig"]["ips"].push_back(ip.bare());
  const Attachment successor{.container = "successor", .netns = world.add_netns("successor")};
  const auto result = attach(world, plain, successor);
  for (const auto& netns : {std::string(), successor.netns}) settle_ipv6(world, netns);
  require_equal(view(result).addresses(), view(old_result).addresses(), "the addresses requested again");
  for (const auto& ip : view(result).ips) {
    require_source(world, successor, ip, outside, outside_address(ip), ip.bare(),
                   "without ipMasq, after another's DEL");
  }
  detach(world, plain, successor, result);
  world.remove_netns(successor.netns);
}

void masquerade_with(World& world, const std::string& backend) {
  const auto outside = add_outside(world);
  auto config = masquerade_config(world);
  if (!backend.empty()) config["ipMasqBackend"] = backend;
  const Attachment peer{.container = "peer", .netns = world.add_netns("peer")};
  const auto peer_result = attach(world, config, peer);
  const auto before = take_snapshot(world);
  const Attachment attachment{.container = "conformance-masq", .netns = world.add_netns("c1")};
  const auto result = attach(world, config, attachment);
  require_masqueraded(world, attachment, result, peer, peer_result, outside);
  detach(world, config, attachment, result);
  const auto left =
      unexcused_differences(before, take_snapshot(world), {.traces = traces_of(attachment, result)});
  require(left.empty(), "DEL left something:" + left);
  require_no_masquerading_left(world, config, result, outside);
  for (const auto& ip : view(peer_result).ips) {
    require_source(world, peer, ip, outside, outside_address(ip), uplink_address(ip), "after another's DEL");
  }
}

void default_backend(World& world) { masquerade_with(world, {}); }
void iptables_backend(World& world) { masquerade_with(world, "iptables"); }
void nftables_backend(World& world) { masquerade_with(world, "nftables"); }

/// With br_netfilter the inet hooks see frames that stay on the bridge; stock hosts have it off.
void without_br_netfilter(World& world) {
  for (const char* path : {kBridgeCallsIptables, kBridgeCallsIp6tables}) {
    if (!read_file(path).empty()) write_file(path, "0");
  }
  masquerade_with(world, {});
}

void with_br_netfilter(World& world) {
  for (const char* path : {kBridgeCallsIptables, kBridgeCallsIp6tables}) {
    if (!read_file(path).empty()) write_file(path, "1");
  }
  masquerade_with(world, {});
}

void every_address_is_masqueraded(World& world) {
  const auto outside = add_outside(world);
  auto config = masquerade_config(world);
  config["ipam"]["ranges"].push_back(Json::array({Json{{"subnet", "10.1.3.0/24"}}}));
  config["forceAddress"] = false;
  config["isDefaultGateway"] = false;
  config["isGateway"] = false;
  // The second IPv4 network has no gateway on the bridge (one IPv4 address per bridge), so the host is given
  // a way back.
  world.ip_batch(
      "link add cni0 type bridge\nlink set cni0 up\naddr add 10.1.2.1/24 dev cni0\naddr add 10.1.3.1/24 dev "
      "cni0\n"
      "addr add 2001:db8:1::1/64 dev cni0 nodad\n");
  for (const char* path : {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"})
    write_file(path, "1");
  config["ipam"]["routes"] = {{{"dst", "0.0.0.0/0"}}, {{"dst", "::/0"}}};
  const Attachment attachment{.container = "conformance-masq", .netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  const auto result = attach(world, config, attachment);
  for (const auto& netns : {std::string(), attachment.netns}) settle_ipv6(world, netns);
  require(view(result).ips.size() == 3, "not three addresses: " + result.dump());
  for (const auto& ip : view(result).ips) {
    require_source(world, attachment, ip, outside, outside_address(ip), uplink_address(ip), "with ipMasq");
  }
  detach(world, config, attachment, result);
  const auto left =
      unexcused_differences(before, take_snapshot(world), {.traces = traces_of(attachment, result)});
  require(left.empty(), "DEL left something:" + left);
}

/// The runtime may have lost the namespace (a reboot, a crash): nothing of the host's may stay.
void del_without_netns(World& world) {
  const auto outside = add_outside(world);
  const auto config = masquerade_config(world);
  Attachment attachment{.container = "conformance-masq", .netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  const auto result = attach(world, config, attachment);
  const auto traces = traces_of(attachment, result);
  world.remove_netns(attachment.netns);
  attachment.netns.clear();
  detach(world, config, attachment);
  if (world.since("0.3.0")) {
    const auto host_end = view(result).interfaces.at(1).value("name", "");
    world.wait_for_change({}, "the host end stays after its namespace is gone",
                          [&] { return !has_link(world, host_end); });
  }
  for (const auto& [fact, value] : take_snapshot(world)) {
    if (before.contains(fact) || !fact.starts_with("nft/")) continue;
    for (const auto& trace : traces) require(fact.find(trace) == std::string::npos, "left: " + fact);
  }
  require_no_masquerading_left(world, config, result, outside);
}

}  // namespace

std::vector<Case> masquerade_cases() {
  using enum Versions;
  const std::vector<const char*> with_ipam{"bridge", "host-local"};
  return {
      {"B10", "ipMasq: outside as the host, inside as itself, gone with its DEL only", with_ipam, kEach,
       Ipam::kDelegated, default_backend},
      {"B10.iptables", "the same with ipMasqBackend iptables", with_ipam, kNewest, Ipam::kDelegated,
       iptables_backend},
      {"B10.nftables", "the same with ipMasqBackend nftables", with_ipam, kNewest, Ipam::kDelegated,
       nftables_backend},
      {"B10.nobrnf", "the same with bridge-nf-call-iptables 0", with_ipam, kNewest, Ipam::kDelegated,
       without_br_netfilter},
      {"B10.brnf", "the same with bridge-nf-call-iptables 1", with_ipam, kNewest, Ipam::kDelegated,
       with_br_netfilter},
      {"B10.each", "each of three addresses is masqueraded", with_ipam, kSince030, Ipam::kDelegated,
       every_address_is_masqueraded},
      {"B10.netns", "DEL without a namespace and prevResult leaves no masquerading", with_ipam, kEach,
       Ipam::kDelegated, del_without_netns},
  };
}

}  // namespace fairlead::conformance
