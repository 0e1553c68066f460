// B1 to B4, B6, B8: addresses, gateway, routes and forwarding of a bridge network.
#include <algorithm>
#include <functional>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

Json ranges_ipam(const std::vector<std::string>& subnets) {
  Json sets = Json::array();
  for (const auto& subnet : subnets) sets.push_back(Json::array({Json{{"subnet", subnet}}}));
  return {{"type", "host-local"}, {"ranges", sets}};
}

void require_default_route(const World& world, const std::string& gateway, const std::string& netns) {
  const bool v6 = gateway.find(':') != std::string::npos;
  const auto routes = routes_to(world, v6 ? "::/0" : "0.0.0.0/0", netns);
  require(routes.size() == 1,
          std::to_string(routes.size()) + " default routes in the container, expected one via " + gateway);
  require_equal(routes[0].value("gateway", ""), gateway, "the default route's gateway");
}

/// Host and container agree with the result: bridge, host end, container end, in this order.
void require_interfaces(const World& world, const Cycle& cycle) {
  if (!world.since("0.3.0")) return;
  const auto seen = view(cycle.result);
  require(seen.interfaces.size() == 3, "the result names " + std::to_string(seen.interfaces.size()) +
                                           " interfaces, expected bridge, host end, container end");
  require_equal(seen.interfaces[0].value("name", ""), "cni0", "the first interface");
  const auto host_end = seen.interfaces[1].value("name", "");
  require(host_end.starts_with("veth"), "the host end is called " + host_end);
  require_equal(seen.interfaces[2].value("name", ""), "eth0", "the third interface");
  require_equal(seen.interfaces[2].value("sandbox", ""), cycle.attachment.netns,
                "the container interface's sandbox");
  require_equal(link(world, "cni0").value("address", ""), seen.interfaces[0].value("mac", ""),
                "the bridge's MAC");
  require_equal(link(world, host_end).value("address", ""), seen.interfaces[1].value("mac", ""),
                "the host end's MAC");
  require_equal(link(world, "eth0", cycle.attachment.netns).value("address", ""),
                seen.interfaces[2].value("mac", ""), "the container end's MAC");
  require_equal(link(world, host_end).value("master", ""), "cni0", "the host end's bridge");
  require(seen.interfaces[0].value("mac", "") != seen.interfaces[1].value("mac", ""),
          "the bridge has borrowed its port's MAC");
  for (const auto& ip : seen.ips) require(ip.interface == 2U, "ips.interface is not the container's");
}

/// Everything that a family of the attachment has to show, down to a packet to the gateway.
void require_family(const World& world, const Cycle& cycle, const ResultIp& ip) {
  const auto inside = link(world, "eth0", cycle.attachment.netns);
  require(has_flag(inside, "UP"), "eth0 is not up");
  require(has_address(inside, ip.address), "eth0 lacks " + ip.address);
  const auto prefix = ip.address.substr(ip.address.find('/'));
  require(has_address(link(world, "cni0"), ip.gateway + prefix), "the bridge lacks " + ip.gateway + prefix);
  const bool v6 = ip.gateway.find(':') != std::string::npos;
  const auto forwarding =
      read_file(v6 ? "/proc/sys/net/ipv6/conf/all/forwarding" : "/proc/sys/net/ipv4/ip_forward");
  require(forwarding.starts_with("1"), std::string("forwarding of IPv") + (v6 ? "6" : "4") + " is off");
  const auto seen = exchange(
      world, {.from_netns = cycle.attachment.netns, .from_address = ip.bare(), .to_address = ip.gateway});
  require(seen == ip.bare(), "no answer from the gateway " + ip.gateway);
}

void run_network(World& world, const std::vector<std::string>& subnets, const std::string& first,
                 const std::vector<std::string>& default_gateways) {
  auto config = bridge_config(world);
  config["ipam"] = ranges_ipam(subnets);
  two_cycles(world, config, [&](const Cycle& cycle) {
    const auto seen = view(cycle.result);
    if (cycle.number == 1) require_equal(seen.addresses(), first, "the addresses");
    require_interfaces(world, cycle);
    for (const auto& netns : {std::string(), cycle.attachment.netns}) settle_ipv6(world, netns);
    for (const auto& ip : seen.ips) require_family(world, cycle, ip);
    for (const auto& gateway : default_gateways)
      require_default_route(world, gateway, cycle.attachment.netns);
  });
}

void ipv4_network(World& world) { run_network(world, {"10.1.2.0/24"}, "10.1.2.2/24", {"10.1.2.1"}); }

void ipv6_network(World& world) {
  run_network(world, {"2001:db8:1::/64"}, "2001:db8:1::2/64", {"2001:db8:1::1"});
}

void dual_stack_network(World& world) {
  run_network(world, {"10.1.2.0/24", "2001:db8:1::/64"}, "10.1.2.2/24 2001:db8:1::2/64",
              {"10.1.2.1", "2001:db8:1::1"});
}

void three_addresses(World& world) {
  run_network(world, {"10.1.2.0/24", "2001:db8:1::/64", "2001:db8:2::/64"},
              "10.1.2.2/24 2001:db8:1::2/64 2001:db8:2::2/64", {"10.1.2.1"});
}

/// What DEL answers to a configuration that no ADD ever took is left open: best effort speaks for success,
/// the reference says the same error again.
void legacy_versions_hold_one_address_per_family(World& world) {
  auto config = bridge_config(world);
  config["ipam"] = ranges_ipam({"10.1.2.0/24", "2001:db8:1::/64", "2001:db8:2::/64"});
  const Attachment attachment{.container = "conformance-c1", .netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  must_fail(world.call("ADD", config, attachment), "ADD of two IPv6 addresses at " + world.version());
  Residue residue;
  residue.traces = {attachment.container, "2001:db8:1::2", "2001:db8:2::2", "10.1.2.2"};
  const auto require_nothing = [&](const std::string& who) {
    const auto left = unexcused_differences(before, take_snapshot(world), residue);
    require(left.empty(), who + " left something:" + left);
  };
  require_nothing("the failed ADD");
  world.call("DEL", config, attachment);
  require_nothing("DEL after the failed ADD");
}

void interfaces_carry_their_mtu(World& world) {
  auto config = bridge_config(world);
  config["mtu"] = 1400;
  two_cycles(world, config, [&](const Cycle& cycle) {
    require(link(world, "eth0", cycle.attachment.netns).value("mtu", 0) == 1400,
            "eth0 has not the configured mtu");
    for (const auto& interface : view(cycle.result).interfaces) {
      const auto name = interface.value("name", "");
      const auto kernel = link(world, name, name == "eth0" ? cycle.attachment.netns : "").value("mtu", 0);
      require(interface.value("mtu", 0) == kernel,
              name + " has mtu " + std::to_string(kernel) + ", the result says " + interface.dump());
    }
  });
}

/// A bridge takes the lowest MAC of its ports unless it was given one of its own: what neighbours have
/// cached as the gateway would change under them.
void bridge_keeps_its_mac(World& world) {
  const auto config = bridge_config(world);
  std::string mac;
  const auto require_same = [&](const std::string& when) {
    const auto now = link(world, "cni0").value("address", "");
    if (mac.empty()) mac = now;
    require_equal(now, mac, "the bridge's MAC after " + when);
  };
  std::vector<std::pair<Attachment, Json>> attached;
  for (int i = 1; i <= 4; ++i) {
    const auto id = "c" + std::to_string(i);
    const Attachment attachment{.container = id, .netns = world.add_netns(id)};
    attached.emplace_back(attachment, attach(world, config, attachment));
    require_same("ADD " + id);
  }
  for (const auto& [attachment, result] : attached) {
    detach(world, config, attachment, result);
    require_same("DEL " + attachment.container);
  }
}

Json conflicting_config(const World& world, const std::string& subnet, const std::string& gateway) {
  auto config = l2_config(world);
  config["isGateway"] = true;
  config["ipam"] = host_local_ipam(subnet);
  config["ipam"]["gateway"] = gateway;
  return config;
}

void foreign_bridge_address(World& world, const std::string& old, const std::string& subnet,
                            const std::string& gateway) {
  world.ip_batch("link add cni0 address 02:00:00:00:00:b0 type bridge\nlink set cni0 up\naddr add " + old +
                 " dev cni0" + (old.find(':') != std::string::npos ? " nodad" : "") + "\n");
  const auto added = gateway + subnet.substr(subnet.find('/'));
  auto config = conflicting_config(world, subnet, gateway);
  const Attachment attachment{.container = "conformance-c1", .netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  must_fail(world.call("ADD", config, attachment), "ADD with gateway " + added + " on a bridge with " + old);
  require(!has_address(link(world, "cni0"), added), "the failed ADD left the gateway address");
  const auto left = unexcused_differences(before, take_snapshot(world),
                                          {.shared_links = {}, .traces = {attachment.container}});
  require(left.empty(), "the failed ADD left something:" + left);
  config["forceAddress"] = true;
  attach(world, config, attachment);
  require(has_address(link(world, "cni0"), added), "forceAddress did not add " + added);
  require(!has_address(link(world, "cni0"), old), "forceAddress left " + old);
}

void ipv4_gateway_conflict(World& world) {
  foreign_bridge_address(world, "10.0.0.1/8", "10.1.0.0/16", "10.1.2.3");
}

void ipv6_gateway_conflict(World& world) {
  foreign_bridge_address(world, "2001:db8:0:1::1/64", "2001:db8::/48", "2001:db8::3");
}

void disjoint_ipv6_gateways_coexist(World& world) {
  world.ip_batch(
      "link add cni0 address 02:00:00:00:00:b0 type bridge\nlink set cni0 up\naddr add 2001:db8:1::1/64 dev "
      "cni0 nodad\n");
  const auto config = conflicting_config(world, "2001:db8:2::/64", "2001:db8:2::1");
  attach(world, config, {.netns = world.add_netns("c1")});
  const auto bridge = link(world, "cni0");
  require(has_address(bridge, "2001:db8:1::1/64"), "the first IPv6 address is gone");
  require(has_address(bridge, "2001:db8:2::1/64"), "the second IPv6 address is missing");
}

/// The route's gateway is on no network of the container's: the kernel refuses it after the bridge was set
/// up.
void failed_add_brings_the_address_back(World& world) {
  world.ip_batch(
      "link add cni0 address 02:00:00:00:00:b0 type bridge\nlink set cni0 up\naddr add 10.0.0.1/8 dev "
      "cni0\n");
  auto config = conflicting_config(world, "10.1.0.0/16", "10.1.2.3");
  config["forceAddress"] = true;
  config["ipam"]["routes"] = {{{"dst", "198.51.100.0/24"}, {"gw", "203.0.113.9"}}};
  must_fail(world.call("ADD", config, {.netns = world.add_netns("c1")}), "ADD with an unreachable gateway");
  require(has_address(link(world, "cni0"), "10.0.0.1/8"),
          "the address that forceAddress replaced did not come back");
}

}  // namespace

std::vector<Case> bridge_l3_cases() {
  using enum Versions;
  const std::vector<const char*> with_ipam{"bridge", "host-local"};
  return {
      {"B1", "IPv4: interfaces, addresses, default route, forwarding, traffic; nothing left", with_ipam,
       kEach, Ipam::kDelegated, ipv4_network},
      {"B1.mtu", "interfaces carry their mtu", with_ipam, kOnly110, Ipam::kDelegated,
       interfaces_carry_their_mtu},
      {"B2", "IPv6 likewise", with_ipam, kEach, Ipam::kDelegated, ipv6_network},
      {"B3", "dual stack likewise", with_ipam, kEach, Ipam::kDelegated, dual_stack_network},
      {"B4", "one IPv4 and two IPv6 addresses likewise", with_ipam, kSince030, Ipam::kDelegated,
       three_addresses},
      {"B4.legacy", "two addresses of a family: error, nothing left", with_ipam, kUntil020, Ipam::kDelegated,
       legacy_versions_hold_one_address_per_family},
      {"B6", "the bridge's MAC does not change with its ports", with_ipam, kEach, Ipam::kDelegated,
       bridge_keeps_its_mac},
      {"B8", "another IPv4 address on the bridge: error; replaced with forceAddress", with_ipam, kEach,
       Ipam::kDelegated, ipv4_gateway_conflict},
      {"B8.ipv6", "an overlapping IPv6 address likewise", with_ipam, kEach, Ipam::kDelegated,
       ipv6_gateway_conflict},
      {"B8.disjoint", "disjoint IPv6 addresses stay side by side", with_ipam, kEach, Ipam::kDelegated,
       disjoint_ipv6_gateways_coexist},
      {"B8.restore", "a failed ADD brings the address back that forceAddress replaced", with_ipam, kEach,
       Ipam::kDelegated, failed_add_brings_the_address_back},
  };
}

}  // namespace fairlead::conformance
