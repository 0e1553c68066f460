// B5, B7, B9, B12, B13, B18, B20 to B22: the other keys of a bridge network, and what refuses to work.
#include <algorithm>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

const Residue kNothingShared{.shared_links = {}, .traces = {"conformance-c"}};

Attachment container(World& world, const std::string& name, const std::string& args = {}) {
  return {.container = "conformance-" + name, .netns = world.add_netns(name), .args = args};
}

/// The failed call left neither a link nor a rule nor a file; an own, still empty bridge may stay.
void require_refused(World& world, const Json& config, const Attachment& attachment, const Residue& residue,
                     const std::string& what) {
  const auto before = take_snapshot(world);
  const auto inside = link_names(world, attachment.netns);
  must_fail(world.call("ADD", config, attachment), what);
  const auto left = unexcused_differences(before, take_snapshot(world), residue);
  require(left.empty(), what + " left something:" + left);
  require(link_names(world, attachment.netns) == inside, what + " left an interface in the container");
}

void existing_bridge_is_used(World& world) {
  world.ip_batch("link add cni0 type bridge\n");
  const auto before = link(world, "cni0").value("ifindex", 0);
  two_cycles(world, bridge_config(world), [&](const Cycle&) {
    const auto bridge = link(world, "cni0");
    require(bridge.value("ifindex", 0) == before, "the bridge was replaced");
    require(has_flag(bridge, "UP"), "the bridge is not up");
  });
}

void other_link_of_that_name_is_refused(World& world) {
  world.ip_batch("link add cni0 type veth peer name peer0\n");
  require_refused(world, bridge_config(world), container(world, "c1"), kNothingShared,
                  "ADD with a veth called cni0");
}

void taken_interface_name_is_refused(World& world) {
  const auto attachment = container(world, "c1");
  world.ip_batch("link add eth0 type veth peer name other\n", attachment.netns);
  require_refused(world, bridge_config(world), attachment, {.traces = {"conformance-c"}},
                  "ADD with eth0 taken in the container");
}

void mac_has_three_sources(World& world) {
  auto config = bridge_config(world);
  const std::string args = "IgnoreUnknown=1;MAC=02:00:00:00:00:00";
  const auto expect = [&](const std::string& name, const std::string& mac, const std::string& source) {
    const auto attachment = container(world, name, args);
    const auto result = attach(world, config, attachment);
    require_equal(link(world, "eth0", attachment.netns).value("address", ""), mac, "the MAC with " + source);
    if (world.since("0.3.0"))
      require_equal(view(result).interface("eth0").value("mac", ""), mac, "the result's MAC with " + source);
    detach(world, config, attachment, result);
  };
  expect("c1", "02:00:00:00:00:00", "CNI_ARGS");
  config["args"]["cni"]["mac"] = "02:00:00:00:00:01";
  expect("c2", "02:00:00:00:00:01", "CNI_ARGS and args.cni");
  config["runtimeConfig"]["mac"] = "02:00:00:00:00:02";
  expect("c3", "02:00:00:00:00:02", "CNI_ARGS, args.cni and runtimeConfig");
  config["runtimeConfig"]["mac"] = "no mac";
  require_refused(world, config, container(world, "c4"), {.traces = {"conformance-c"}},
                  "ADD with a malformed MAC");
}

void promiscuous_bridge(World& world) {
  auto config = bridge_config(world);
  config["promiscMode"] = true;
  two_cycles(world, config, [&](const Cycle&) {
    require(has_flag(link(world, "cni0"), "PROMISC"), "the bridge is not promiscuous");
  });
  config["hairpinMode"] = true;
  require_refused(world, config, container(world, "c1"), {.traces = {"conformance-c"}},
                  "ADD with promiscMode and hairpinMode");
}

/// The port that is plugged in, whatever the result (or its version) calls it.
Json only_port(const World& world) {
  for (const auto& link : world.ip({"-d", "addr", "show"})) {
    if (link.value("master", "") == "cni0") return link;
  }
  fail("no port on the bridge");
}

void require_hairpin(World& world, bool wanted) {
  auto config = bridge_config(world);
  config["hairpinMode"] = wanted;
  two_cycles(world, config, [&](const Cycle&) {
    const auto data = only_port(world).at("linkinfo").at("info_slave_data");
    require(data.at("hairpin").get<bool>() == wanted,
            std::string("hairpin of the port is not ") + (wanted ? "on" : "off"));
  });
}

void hairpin_port(World& world) {
  require_hairpin(world, true);
  require_hairpin(world, false);
}

void isolated_ports_meet_only_the_bridge(World& world) {
  auto config = bridge_config(world);
  config["portIsolation"] = true;
  const auto first = container(world, "c1"), second = container(world, "c2"), open = container(world, "c3");
  const auto before = take_snapshot(world);
  const auto first_result = attach(world, config, first);
  require(only_port(world).at("linkinfo").at("info_slave_data").at("isolated").get<bool>(),
          "the port is not isolated");
  const auto second_result = attach(world, config, second);
  const auto reaches = [&](const Attachment& from, const Attachment& to, const Json& result) {
    return exchange(
               world,
               {.from_netns = from.netns, .to_netns = to.netns, .to_address = view(result).ips.at(0).bare()})
        .has_value();
  };
  for (const auto& attachment : {first, second}) {
    require(exchange(world, {.from_netns = attachment.netns, .to_address = "10.1.2.1"}).has_value(),
            "an isolated port does not reach the gateway");
  }
  require(!reaches(first, second, second_result), "an isolated port reaches another");
  config["portIsolation"] = false;
  const auto open_result = attach(world, config, open);
  require(reaches(first, open, open_result), "an isolated port does not reach one that is not");
  detach(world, config, open, open_result);
  config["portIsolation"] = true;
  detach(world, config, second, second_result);
  detach(world, config, first, first_result);
  const auto left = unexcused_differences(before, take_snapshot(world), {.traces = {"conformance-c"}});
  require(left.empty(), "DEL left something:" + left);
}

void lost_isolation_is_noticed(World& world) {
  auto config = bridge_config(world);
  config["portIsolation"] = true;
  const auto attachment = container(world, "c1");
  const auto result = attach(world, config, attachment);
  require(check(world, config, attachment, result).ok(), "CHECK fails after ADD");
  const auto port = only_port(world).at("ifname").get<std::string>();
  world.tool({"ip", "link", "set", port, "type", "bridge_slave", "isolated", "off"});
  must_fail(check(world, config, attachment, result), "CHECK of a port that is not isolated any more");
  detach(world, config, attachment, result);
}

void container_interface_stays_down(World& world) {
  auto config = l2_config(world);
  config["disableContainerInterface"] = true;
  two_cycles(world, config, [&](const Cycle& cycle) {
    require(!has_flag(link(world, "eth0", cycle.attachment.netns), "UP"), "eth0 is up");
  });
  config["ipam"] = host_local_ipam();
  require_refused(world, config, container(world, "c1"), {.traces = {"conformance-c"}},
                  "ADD with disableContainerInterface and ipam");
}

void full_pool_leaves_nothing(World& world) {
  auto config = bridge_config(world);
  config["ipam"] = host_local_ipam("10.1.2.0/30");
  config["ipMasq"] = true;
  const auto first = container(world, "first");
  const auto before = take_snapshot(world);
  const auto result = attach(world, config, first);
  require_refused(world, config, container(world, "c2"), {.traces = {"conformance-c"}},
                  "ADD with a full pool");
  require(leases("net").size() == 1, "the failed ADD changed the leases");
  require(exchange(world, {.from_netns = first.netns, .to_address = "10.1.2.1"}).has_value(),
          "the failed ADD broke the first attachment");
  detach(world, config, first, result);
  Residue residue;
  residue.traces = traces_of(first, result);
  const auto left = unexcused_differences(before, take_snapshot(world), residue);
  require(left.empty(), "DEL left something:" + left);
}

void ipv6_works_at_once(World& world) {
  auto config = bridge_config(world);
  config["ipam"] = host_local_ipam("2001:db8:1::/64");
  config["enabledad"] = false;
  two_cycles(world, config, [&](const Cycle& cycle) {
    require(!has_tentative(world, cycle.attachment.netns), "the container's address is still tentative");
    require(!has_tentative(world, {}), "the gateway's address is still tentative");
    const auto ip = view(cycle.result).ips.at(0);
    const auto seen = exchange(
        world, {.from_netns = cycle.attachment.netns, .from_address = ip.bare(), .to_address = ip.gateway});
    require(seen == ip.bare(), "no answer from the gateway right after ADD");
  });
}

/// Another host of the segment, with that address, which it has had for long.
std::string add_twin(World& world, const std::string& address) {
  auto twin = world.add_netns("twin");
  world.ip_batch("link add twin0 master cni0 type veth peer name eth0 netns twin\nlink set twin0 up\n");
  world.ip_batch("link set eth0 up\naddr add " + address + " dev eth0 nodad\n", twin);
  for (const auto& netns : {std::string(), twin}) settle_ipv6(world, netns);
  return twin;
}

/// There is one address to give: what fails with it has to give it back.
void duplicates_are_detected(World& world) {
  const std::string address = "2001:db8:1::77";
  auto config = bridge_config(world);
  config["ipam"] = host_local_ipam("2001:db8:1::/64");
  config["ipam"]["rangeStart"] = config["ipam"]["rangeEnd"] = address;
  config["enabledad"] = true;
  const auto attach_and_detach = [&](const std::string& name) {
    const auto attachment = container(world, name);
    const auto result = attach(world, config, attachment);
    require(has_address(link(world, "eth0", attachment.netns), address + "/64"), "eth0 lacks its address");
    require(!has_tentative(world, attachment.netns), "the container's address is tentative when ADD returns");
    detach(world, config, attachment, result);
  };
  attach_and_detach("c1");
  const auto twin = add_twin(world, address + "/64");
  require_refused(world, config, container(world, "c2"), {.traces = {"conformance-c", address}},
                  "ADD with an address that another host has");
  world.ip_batch("addr del " + address + "/64 dev eth0\n", twin);
  attach_and_detach("c3");
}

/// A router asks for its neighbours from a link-local address. As long as the bridge's is tentative, the host
/// can pass nothing to a container that has not spoken first (ndisc_send_ns() gives up without a source),
/// which after a first ADD means up to two seconds.
void ipv6_works_from_outside(World& world) {
  const auto outside = add_outside(world);
  auto config = bridge_config(world);
  config["ipam"] = host_local_ipam("2001:db8:1::/64");
  two_cycles(world, config, [&](const Cycle& cycle) {
    require(!has_tentative(world, {}, {"dev", "cni0"}), "the bridge's link-local address is still tentative");
    const auto ip = view(cycle.result).ips.at(0);
    const auto seen =
        exchange(world, {.from_netns = outside, .to_netns = cycle.attachment.netns, .to_address = ip.bare()});
    require(seen == "2001:db8:ffff::2", "no answer from the container to the outside");
  });
}

void dns_comes_from_one_place(World& world) {
  write_file("/run/conformance/resolv.conf",
             "# comment\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch example.org "
             "example.net\noptions ndots:2\n");
  auto config = bridge_config(world);
  config["ipam"]["resolvConf"] = "/run/conformance/resolv.conf";
  const auto dns_of = [&](const std::string& name) {
    const auto attachment = container(world, name);
    const auto result = attach(world, config, attachment);
    detach(world, config, attachment, result);
    return view(result).dns;
  };
  const auto from_file = dns_of("c1");
  require_equal(from_file.value("nameservers", Json()).dump(), R"(["192.0.2.53","2001:db8::53"])",
                "the IPAM's name servers");
  require_equal(from_file.value("search", Json()).dump(), R"(["example.org","example.net"])",
                "the IPAM's search list");
  require_equal(from_file.value("options", Json()).dump(), R"(["ndots:2"])", "the IPAM's options");
  config["dns"] = Json::object();
  require_equal(dns_of("c2").dump(), from_file.dump(), "dns with an empty dns key");
  config["dns"] = {{"nameservers", {"192.0.2.1"}}};
  require_equal(dns_of("c3").dump(), R"({"nameservers":["192.0.2.1"]})",
                "dns with nameservers in the configuration");
  config["dns"] = {{"search", {"example.com"}}};
  require_equal(dns_of("c4").dump(), R"({"search":["example.com"]})",
                "dns with a search list in the configuration");
}

void route_attributes_reach_the_kernel(World& world) {
  auto config = l2_config(world);
  config["isGateway"] = true;
  config["ipam"] = host_local_ipam();
  config["ipam"]["routes"] = {
      {{"dst", "198.51.100.0/24"}, {"gw", "10.1.2.1"}, {"mtu", 1400}, {"advmss", 1300}, {"priority", 500}},
      {{"dst", "203.0.113.0/24"}, {"table", 100}},
      {{"dst", "192.0.2.0/24"}, {"scope", 253}}};
  two_cycles(world, config, [&](const Cycle& cycle) {
    const auto plain = routes_to(world, "198.51.100.0/24", cycle.attachment.netns);
    require(plain.size() == 1, "no route to 198.51.100.0/24");
    require(plain[0].value("metric", 0) == 500, "priority is not in the kernel: " + plain[0].dump());
    const auto metrics = plain[0].value("metrics", Json::array({Json::object()})).at(0);
    require(metrics.value("mtu", 0) == 1400 && metrics.value("advmss", 0) == 1300,
            "mtu and advmss are not in the kernel: " + plain[0].dump());
    const auto other = routes_to(world, "203.0.113.0/24", cycle.attachment.netns, "100");
    require(other.size() == 1 && other[0].value("gateway", "") == "10.1.2.1",
            "no route via the gateway in table 100");
    require(routes_to(world, "203.0.113.0/24", cycle.attachment.netns).empty(),
            "the route of table 100 is in the main table too");
    const auto on_link = routes_to(world, "192.0.2.0/24", cycle.attachment.netns);
    require(on_link.size() == 1 && on_link[0].value("scope", "") == "link",
            "no route of scope link: " + Json(on_link).dump());
  });
}

/// The gateways of all routes to `dst`, whether the kernel shows them as one route with hops or as several.
std::vector<std::string> gateways_to(const World& world, const std::string& dst, const std::string& netns) {
  std::vector<std::string> gateways;
  for (const auto& route : routes_to(world, dst, netns)) {
    if (route.contains("gateway")) gateways.push_back(route.value("gateway", ""));
    for (const auto& hop : route.value("nexthops", Json::array()))
      gateways.push_back(hop.value("gateway", ""));
  }
  std::sort(gateways.begin(), gateways.end());
  return gateways;
}

void equal_routes_are_all_kept(World& world) {
  auto config = bridge_config(world);
  config["ipam"] = {{"type", "host-local"},
                    {"ranges", {{{{"subnet", "10.1.2.0/24"}}}, {{{"subnet", "2001:db8:1::/64"}}}}}};
  config["ipam"]["routes"] = {{{"dst", "198.51.100.0/24"}, {"gw", "10.1.2.5"}},
                              {{"dst", "198.51.100.0/24"}, {"gw", "10.1.2.6"}},
                              {{"dst", "2001:db8:f::/48"}, {"gw", "2001:db8:1::5"}},
                              {{"dst", "2001:db8:f::/48"}, {"gw", "2001:db8:1::6"}}};
  two_cycles(world, config, [&](const Cycle& cycle) {
    const auto& netns = cycle.attachment.netns;
    require_equal(Json(gateways_to(world, "198.51.100.0/24", netns)).dump(), R"(["10.1.2.5","10.1.2.6"])",
                  "the IPv4 gateways");
    require_equal(Json(gateways_to(world, "2001:db8:f::/48", netns)).dump(),
                  R"(["2001:db8:1::5","2001:db8:1::6"])", "the IPv6 gateways");
  });
}

}  // namespace

std::vector<Case> bridge_options_cases() {
  using enum Versions;
  const std::vector<const char*> with_ipam{"bridge", "host-local"};
  return {
      {"B5", "an existing bridge is used", with_ipam, kEach, Ipam::kDelegated, existing_bridge_is_used},
      {"B5.other", "another kind of link of the bridge's name: error, nothing left", with_ipam, kEach,
       Ipam::kDelegated, other_link_of_that_name_is_refused},
      {"B5.ifname", "CNI_IFNAME taken in the container: error, nothing left", with_ipam, kEach, Ipam::kNone,
       taken_interface_name_is_refused},
      {"B7", "MAC: runtimeConfig before args.cni before CNI_ARGS", with_ipam, kEach, Ipam::kDelegated,
       mac_has_three_sources},
      {"B9", "promiscMode; with hairpinMode: error", with_ipam, kEach, Ipam::kDelegated, promiscuous_bridge},
      {"B9.hairpin", "hairpinMode sets the port's flag", with_ipam, kNewest, Ipam::kDelegated, hairpin_port},
      {"B12", "portIsolation: isolated ports reach the gateway and not each other", with_ipam, kNewest,
       Ipam::kDelegated, isolated_ports_meet_only_the_bridge},
      {"B12.check", "and CHECK notices when it is gone", with_ipam, kNewest, Ipam::kDelegated,
       lost_isolation_is_noticed},
      {"B13",
       "disableContainerInterface leaves eth0 down; with ipam: error",
       {"bridge"},
       kSince030,
       Ipam::kNone,
       container_interface_stays_down},
      {"B18", "full pool: error, no veth in either namespace, leases unchanged", with_ipam, kEach,
       Ipam::kDelegated, full_pool_leaves_nothing},
      {"B20", "without enabledad IPv6 works when ADD returns", with_ipam, kEach, Ipam::kDelegated,
       ipv6_works_at_once},
      {"B20.dad", "with enabledad a duplicate address: error, nothing left; none: settled when ADD returns",
       with_ipam, kNewest, Ipam::kDelegated, duplicates_are_detected},
      {"B20.outside", "and the outside reaches the container", with_ipam, kNewest, Ipam::kDelegated,
       ipv6_works_from_outside},
      {"B21", "dns: the configuration's if it sets any field, else the IPAM's", with_ipam, kEach,
       Ipam::kDelegated, dns_comes_from_one_place},
      {"B22", "route mtu, advmss, priority, table and scope are in the kernel", with_ipam, kOnly110,
       Ipam::kDelegated, route_attributes_reach_the_kernel},
      {"B22.ecmp", "two gateways to one destination are both kept", with_ipam, kSince030, Ipam::kDelegated,
       equal_routes_are_all_kept},
  };
}

}  // namespace fairlead::conformance
