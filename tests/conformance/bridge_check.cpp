// B19: CHECK passes after ADD and fails after each single sabotage. H10.bridge and H11.bridge: GC and STATUS
// through the bridge plugin.
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

constexpr int kInvalidConfig = 7;
constexpr int kNotAvailable = 50;

/// Everything that CHECK has to look after: gateway, forwarding, masquerading, a lease, routes.
Json rich_config(const World& world) {
  auto config = bridge_config(world);
  config["ipMasq"] = true;
  config["ipam"]["routes"] = {{{"dst", "198.51.100.0/24"}, {"gw", "10.1.2.9"}}};
  return config;
}

/// The same with IPv6 beside it.
Json dual_stack_config(const World& world) {
  auto config = bridge_config(world);
  config["ipMasq"] = true;
  config["ipam"] = {{"type", "host-local"},
                    {"ranges", {{{{"subnet", "10.1.2.0/24"}}}, {{{"subnet", "2001:db8:1::/64"}}}}},
                    {"routes", {{{"dst", "2001:db8:99::/48"}, {"gw", "2001:db8:1::9"}}}}};
  return config;
}

std::string host_end(const Json& result) { return view(result).interfaces.at(1).value("name", ""); }

using Sabotage = std::function<void(const World&, const Attachment&, const Json& result)>;

/// ADD, CHECK passes, `sabotage`, CHECK fails; DEL succeeds all the same.
void check_notices(World& world, const Sabotage& sabotage, const Json& config, const std::string& what) {
  const Attachment attachment{.netns = world.add_netns("c1")};
  const auto result = attach(world, config, attachment);
  const auto healthy = check(world, config, attachment, result);
  require(healthy.ok() && healthy.out.empty(), "CHECK after ADD failed: " + healthy.describe());
  sabotage(world, attachment, result);
  must_fail(check(world, config, attachment, result), "CHECK after " + what);
  detach(world, config, attachment, result);
  world.remove_netns(attachment.netns);
}

void check_notices(World& world, const Sabotage& sabotage) {
  check_notices(world, sabotage, rich_config(world), "the sabotage");
}

void address_removed(World& world) {
  check_notices(world, [](const World& host, const Attachment& attachment, const Json& result) {
    host.ip_batch("addr del " + view(result).ips.at(0).address + " dev eth0\n", attachment.netns);
    // The routes went with the address; only the address shall be missing.
    host.ip_batch(
        "addr add 10.1.2.200/24 dev eth0\nroute add default via 10.1.2.1\nroute add 198.51.100.0/24 via "
        "10.1.2.9\n",
        attachment.netns);
  });
}

void route_removed(World& world) {
  check_notices(world, [](const World& host, const Attachment& attachment, const Json&) {
    host.ip_batch("route del 198.51.100.0/24\n", attachment.netns);
  });
}

void default_route_removed(World& world) {
  check_notices(world, [](const World& host, const Attachment& attachment, const Json&) {
    host.ip_batch("route del default\n", attachment.netns);
  });
}

void container_link_down(World& world) {
  check_notices(world, [](const World& host, const Attachment& attachment, const Json&) {
    host.ip_batch("link set eth0 down\n", attachment.netns);
  });
}

void container_link_gone(World& world) {
  check_notices(world, [](const World& host, const Attachment& attachment, const Json&) {
    host.ip_batch("link del eth0\n", attachment.netns);
  });
}

void host_link_down(World& world) {
  check_notices(world, [](const World& host, const Attachment&, const Json& result) {
    host.ip_batch("link set " + host_end(result) + " down\n");
  });
}

void mac_changed(World& world) {
  check_notices(world, [](const World& host, const Attachment& attachment, const Json&) {
    host.ip_batch("link set eth0 address 02:00:00:00:00:99\n", attachment.netns);
  });
}

void port_unplugged(World& world) {
  check_notices(world, [](const World& host, const Attachment&, const Json& result) {
    host.ip_batch("link set " + host_end(result) + " nomaster\n");
  });
}

void masquerading_removed(World& world) {
  check_notices(world, [](const World& host, const Attachment&, const Json&) {
    host.tool({"nft", "flush", "ruleset"});
  });
}

/// Deletes what mentions the address from every set and map; an implementation that has it in rules loses all
/// of them.
void remove_elements_of(const World& host, const std::string& address) {
  Json commands = Json::array();
  const auto ruleset = Json::parse(host.tool({"nft", "-j", "list", "ruleset"}));
  for (const auto& object : ruleset.at("nftables")) {
    for (const char* kind : {"set", "map"}) {
      if (!object.contains(kind)) continue;
      const auto& set = object.at(kind);
      for (const auto& element : set.value("elem", Json::array())) {
        if (element.dump().find('"' + address + '"') == std::string::npos) continue;
        commands.push_back({{"delete",
                             {{"element",
                               {{"family", set.at("family")},
                                {"table", set.at("table")},
                                {"name", set.at("name")},
                                {"elem", Json::array({element})}}}}}});
      }
    }
  }
  if (!commands.empty()) {
    host.tool({"nft", "-j", "-f", "-"}, {}, Json{{"nftables", commands}}.dump());
    return;
  }
  require(ruleset.dump().find(address) != std::string::npos, "no set, map or rule mentions " + address);
  host.tool({"nft", "flush", "ruleset"});
}

/// The rules and the elements of others are all there.
void own_masquerading_removed(World& world) {
  attach(world, rich_config(world), {.container = "peer", .netns = world.add_netns("peer")});
  check_notices(world, [](const World& host, const Attachment&, const Json& result) {
    remove_elements_of(host, view(result).ips.at(0).bare());
  });
}

void ipv6_is_looked_at(World& world) {
  const auto in_container = [](const std::string& lines) {
    return [lines](const World& host, const Attachment& attachment, const Json&) {
      host.ip_batch(lines, attachment.netns);
    };
  };
  const auto own_address = [](const Json& result) { return view(result).ips.at(1); };
  const std::vector<std::pair<const char*, Sabotage>> sabotages{
      {"the loss of its IPv6 address",
       [&](const World& host, const Attachment& attachment, const Json& result) {
         host.ip_batch("addr add 2001:db8:1::200/64 dev eth0 nodad\naddr del " + own_address(result).address +
                           " dev eth0\n",
                       attachment.netns);
       }},
      {"the loss of an IPv6 route", in_container("route del 2001:db8:99::/48\n")},
      {"the loss of the IPv6 default route", in_container("route del ::/0 via 2001:db8:1::1 dev eth0\n")},
      {"the loss of the bridge's IPv6 address",
       [](const World& host, const Attachment&, const Json&) {
         host.ip_batch("addr del 2001:db8:1::1/64 dev cni0\n");
       }},
      {"the end of IPv6 forwarding",
       [](const World&, const Attachment&, const Json&) {
         write_file("/proc/sys/net/ipv6/conf/all/forwarding", "0");
       }},
      {"the loss of its IPv6 masquerading", [&](const World& host, const Attachment&, const Json& result) {
         remove_elements_of(host, own_address(result).bare());
       }}};
  for (const auto& [what, sabotage] : sabotages) {
    check_notices(world, sabotage, dual_stack_config(world), what);
  }
}

void gateway_address_removed(World& world) {
  check_notices(world, [](const World& host, const Attachment&, const Json&) {
    host.ip_batch("addr del 10.1.2.1/24 dev cni0\n");
  });
}

void forwarding_turned_off(World& world) {
  check_notices(world, [](const World&, const Attachment&, const Json&) {
    write_file("/proc/sys/net/ipv4/ip_forward", "0");
  });
}

void lease_removed(World& world) {
  check_notices(world, [](const World&, const Attachment&, const Json& result) {
    const auto path = "/var/lib/cni/networks/net/" + view(result).ips.at(0).bare();
    require(::unlink(path.c_str()) == 0, "no lease file " + path);
  });
}

/// It is the IPAM plugin that looks, so with a foreign one this says nothing about the directory under test.
void ipv6_lease_removed(World& world) {
  const auto remove = [](const World&, const Attachment&, const Json& result) {
    const auto path = "/var/lib/cni/networks/net/" + view(result).ips.at(1).bare();
    require(::unlink(path.c_str()) == 0, "no lease file " + path);
  };
  check_notices(world, remove, dual_stack_config(world), "the loss of its IPv6 lease");
}

void l2_passes(World& world) {
  const auto config = l2_config(world);
  const Attachment attachment{.netns = world.add_netns("c1")};
  const auto result = attach(world, config, attachment);
  const auto reply = check(world, config, attachment, result);
  require(reply.ok(), "CHECK of a layer 2 attachment failed: " + reply.describe());
}

void table_routes_pass(World& world) {
  auto config = bridge_config(world);
  config["ipam"]["routes"] = {{{"dst", "203.0.113.0/24"}, {"table", 100}}};
  const Attachment attachment{.netns = world.add_netns("c1")};
  const auto result = attach(world, config, attachment);
  const auto reply = check(world, config, attachment, result);
  require(reply.ok(), "CHECK with a route in table 100 failed: " + reply.describe());
  world.ip_batch("route del 203.0.113.0/24 table 100\n", attachment.netns);
  must_fail(check(world, config, attachment, result), "CHECK without the route in table 100");
}

/// /var/run is a link to /run: one namespace, two names.
void other_path_to_the_namespace_passes(World& world) {
  const auto config = bridge_config(world);
  Attachment attachment{.netns = world.add_netns("c1")};
  const auto result = attach(world, config, attachment);
  attachment.netns = "/var" + attachment.netns;
  const auto reply = check(world, config, attachment, result);
  require(reply.ok(), "CHECK with CNI_NETNS=" + attachment.netns + " failed: " + reply.describe());
}

/// What chained plugins (tuning, for one) do after us is no damage.
void chained_changes_pass(World& world) {
  auto config = bridge_config(world);
  config["mtu"] = 1400;
  const Attachment attachment{.netns = world.add_netns("c1")};
  auto result = attach(world, config, attachment);
  // The reference's tuning says nothing of the MTU in its result.
  world.ip_batch(
      "link set eth0 address 02:00:00:00:00:77\nlink set eth0 mtu 1300\nlink set eth0 promisc on "
      "allmulticast on\n"
      "route add 203.0.113.0/24 via 10.1.2.1\n",
      attachment.netns);
  for (auto& interface : result.at("interfaces")) {
    if (interface.value("name", "") == "eth0") interface["mac"] = "02:00:00:00:00:77";
  }
  result["interfaces"].push_back({{"name", "ifb0"}, {"mac", "02:00:00:00:00:78"}});
  result["routes"].push_back({{"dst", "203.0.113.0/24"}, {"gw", "10.1.2.1"}});
  const auto reply = check(world, config, attachment, result);
  require(reply.ok(),
          "CHECK with a chained plugin's MAC, MTU, route and interface failed: " + reply.describe());
}

void gc_frees_attachments(World& world) {
  auto config = bridge_config(world);
  config["ipMasq"] = true;
  const Attachment kept{.container = "kept", .netns = world.add_netns("kept")};
  const Attachment dropped{.container = "dropped", .netns = world.add_netns("dropped")};
  const auto kept_result = attach(world, config, kept);
  const auto before = take_snapshot(world);
  const auto dropped_result = attach(world, config, dropped);
  must_fail(world.call("GC", config, {}), "GC without cni.dev/valid-attachments", kInvalidConfig);
  auto request = config;
  request["cni.dev/valid-attachments"] = {{{"containerID", "kept"}, {"ifname", "eth0"}}};
  const auto reply = world.call("GC", request, {});
  require(reply.ok() && reply.out.empty(), "GC: " + reply.describe());
  const auto after = take_snapshot(world);
  const auto left = unexcused_differences(before, after, {.traces = traces_of(dropped, dropped_result)});
  require(left.empty(), "after GC the host is not as before the dropped ADD:" + left);
  require(check(world, config, kept, kept_result).ok(), "GC damaged a valid attachment");
  detach(world, config, dropped, dropped_result);
}

void status_tells_a_full_pool(World& world) {
  auto config = bridge_config(world);
  config["ipam"] = host_local_ipam("10.1.2.0/30");
  require(world.call("STATUS", config, {}).ok(), "STATUS with a free address failed");
  attach(world, config, {.netns = world.add_netns("c1")});
  must_fail(world.call("STATUS", config, {}), "STATUS with a full pool", kNotAvailable);
}

}  // namespace

std::vector<Case> bridge_check_cases() {
  using enum Versions;
  const std::vector<const char*> with_ipam{"bridge", "host-local"};
  const auto notices = [&](const char* id, const char* title, void (*run)(World&)) {
    return Case{id, title, with_ipam, kSince040, Ipam::kDelegated, run};
  };
  return {
      notices("B19.address", "CHECK notices a removed address", address_removed),
      notices("B19.route", "CHECK notices a removed route", route_removed),
      notices("B19.default", "CHECK notices a removed default route", default_route_removed),
      notices("B19.down", "CHECK notices that eth0 is down", container_link_down),
      notices("B19.gone", "CHECK notices that eth0 is gone", container_link_gone),
      notices("B19.hostdown", "CHECK notices that the host end is down", host_link_down),
      notices("B19.mac", "CHECK notices a changed MAC", mac_changed),
      notices("B19.port", "CHECK notices that the host end is off the bridge", port_unplugged),
      notices("B19.masquerade", "CHECK notices that masquerading is gone", masquerading_removed),
      notices("B19.own", "CHECK notices that this attachment's masquerading is gone, and only that",
              own_masquerading_removed),
      {"B19.ipv6", "CHECK notices each loss in IPv6 as well", with_ipam, kNewest, Ipam::kDelegated,
       ipv6_is_looked_at},
      notices("B19.gateway", "CHECK notices that the bridge lost the gateway address",
              gateway_address_removed),
      notices("B19.forwarding", "CHECK notices that forwarding is off", forwarding_turned_off),
      notices("B19.lease", "CHECK notices that the lease is gone", lease_removed),
      {"B19.lease6", "CHECK notices that one of two leases is gone", with_ipam, kNewest, Ipam::kNone,
       ipv6_lease_removed},
      {"B19.l2", "CHECK passes on a layer 2 attachment", {"bridge"}, kSince040, Ipam::kNone, l2_passes},
      {"B19.table", "CHECK follows routes into their table", with_ipam, kOnly110, Ipam::kDelegated,
       table_routes_pass},
      notices("B19.alias", "CHECK passes with another path to the namespace",
              other_path_to_the_namespace_passes),
      notices("B19.chained", "CHECK passes with what chained plugins changed", chained_changes_pass),
      {"H10.bridge", "GC through bridge frees links, masquerading and leases of others only", with_ipam,
       kOnly110, Ipam::kDelegated, gc_frees_attachments},
      {"H11.bridge", "STATUS through bridge: 50 when the pool is full", with_ipam, kOnly110, Ipam::kDelegated,
       status_tells_a_full_pool},
  };
}

}  // namespace fairlead::conformance
