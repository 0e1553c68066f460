// P11 to P15: what ADD and DEL owe their caller whatever happens.
#include <sys/stat.h>

#include <algorithm>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

void require_nothing_left(const World& world, const Snapshot& before, const Attachment& attachment,
                          const std::string& what) {
  Residue residue;
  residue.traces = {attachment.container};
  const auto left = unexcused_differences(before, take_snapshot(world), residue);
  require(left.empty(), what + " left something on the host:" + left);
  require(!has_link(world, attachment.ifname, attachment.netns),
          what + " left the interface in the container");
}

void l2_has_no_legacy_result(World& world) {
  const Attachment attachment{.container = "conformance-l2", .netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  must_fail(world.call("ADD", l2_config(world), attachment), "ADD without addresses at " + world.version());
  require_nothing_left(world, before, attachment, "the failed ADD");
}

/// attach() holds every result against require_valid_result().
void ipam_results_have_their_versions_shape(World& world) {
  for (const std::string plugin : {"host-local", "static"}) {
    const Attachment attachment{.container = plugin, .netns = world.add_netns(plugin)};
    const auto sample = sample_config(world, plugin);
    const auto result = attach(world, sample, attachment);
    detach(world, sample, attachment, result);
    require(!result.contains("interfaces"), plugin + " names interfaces, which is its caller's business");
    for (const auto& ip : result.value("ips", Json::array()))
      require(!ip.contains("interface"), plugin + " gives an interface index");
  }
}

void loopback_result_has_its_versions_shape(World& world) {
  const Attachment attachment{.netns = world.add_netns("c1"), .ifname = "lo"};
  attach(world, config(world, "loopback"), attachment);
}

void bridge_result_has_its_versions_shape(World& world) {
  const Attachment attachment{.netns = world.add_netns("c1")};
  const auto result = attach(world, bridge_config(world), attachment);
  if (!world.since("0.3.0")) return;
  const auto seen = view(result);
  require(!seen.interfaces.empty() && seen.ips.size() == 1, "unexpected result: " + result.dump());
  require(seen.ips[0].interface.has_value(), "ips[0] names no interface");
  const auto& interface = seen.interfaces[*seen.ips[0].interface];
  require_equal(interface.value("name", ""), "eth0", "the interface that ips[0] names");
  require_equal(interface.value("sandbox", ""), attachment.netns, "its sandbox");
}

void del_always_succeeds(World& world) {
  const auto sample = bridge_config(world);
  const auto before = take_snapshot(world);
  Attachment attachment{.container = "conformance-c1", .netns = world.add_netns("c1")};
  detach(world, sample, attachment);  // never added, and not even the bridge exists
  const auto result = attach(world, sample, attachment);
  for (int i = 0; i < 3; ++i) detach(world, sample, attachment, result);
  require_nothing_left(world, before, attachment, "three DELs");
  attach(world, sample, attachment);
  detach(world, sample, attachment);
  require_nothing_left(world, before, attachment, "DEL without prevResult");
}

void del_survives_missing_namespace(World& world) {
  const auto sample = bridge_config(world);
  const auto before = take_snapshot(world);
  for (const bool path_empty : {true, false}) {
    Attachment attachment{.container = path_empty ? "conformance-c1" : "conformance-c2"};
    attachment.netns = world.add_netns(attachment.container);
    const auto result = attach(world, sample, attachment);
    world.remove_netns(attachment.netns);
    if (path_empty) attachment.netns.clear();
    detach(world, sample, attachment, result);
    detach(world, sample, attachment, result);
    // The kernel takes the namespace's veth away on its own time.
    world.wait_for_change({}, "the host end of the veth stays after its namespace is gone", [&] {
      const auto names = link_names(world);
      return std::none_of(names.begin(), names.end(),
                          [](const auto& name) { return name.starts_with("veth"); });
    });
    Residue residue;
    residue.traces = traces_of(attachment, result);
    const auto left = unexcused_differences(before, take_snapshot(world), residue);
    require(left.empty(),
            std::string("DEL with CNI_NETNS ") + (path_empty ? "empty" : "gone") + " left something:" + left);
  }
}

void del_survives_missing_bridge(World& world) {
  const auto sample = bridge_config(world);
  const Attachment attachment{.container = "conformance-c1", .netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  const auto result = attach(world, sample, attachment);
  world.ip_batch("link del cni0\n");
  detach(world, sample, attachment, result);
  require_nothing_left(world, before, attachment, "DEL with the bridge deleted");
}

void del_of_others_is_harmless(World& world) {
  write_lease("net", "10.1.2.77", "somebody\r\neth0");
  write_lease("net", "10.1.2.78", "never\r\neth1");
  const auto before = leases("net");
  for (const std::string plugin : {"host-local", "static", "loopback"}) {
    const auto sample = sample_config(world, plugin);
    const auto netns = world.add_netns(plugin);
    const std::string ifname = plugin == "loopback" ? "lo" : "eth0";
    detach(world, sample, {.container = "never", .netns = netns, .ifname = ifname});
    detach(world, sample, {.container = "never", .netns = "", .ifname = ifname});
    detach(world, sample, {.container = "never", .netns = "/run/netns/gone", .ifname = ifname});
  }
  require(leases("net") == before,
          "DEL of what was never added freed a lease of another: " + Json(leases("net")).dump());
}

/// What duplicate address detection makes of it in its own time does not count.
std::string settled_facts(Json link) {
  for (auto& address : link["addr_info"]) address.erase("tentative");
  return link.dump();
}

void second_add_fails_and_spares_the_first(World& world) {
  const auto sample = bridge_config(world);
  const Attachment attachment{.netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  const auto result = attach(world, sample, attachment);
  const auto attached = take_snapshot(world);
  const auto inside = settled_facts(link(world, "eth0", attachment.netns));
  must_fail(world.call("ADD", sample, attachment), "a second ADD");
  const auto differences = all_differences(attached, take_snapshot(world));
  require(differences.empty(), "a second ADD changed the host:" + differences);
  require_equal(settled_facts(link(world, "eth0", attachment.netns)), inside, "eth0 after a second ADD");
  const auto seen = exchange(world, {.from_netns = attachment.netns, .to_address = "10.1.2.1"});
  require(seen == view(result).ips.at(0).bare(), "the container no longer reaches its gateway");
  detach(world, sample, attachment, result);
  require_nothing_left(world, before, attachment, "DEL after a second ADD");
}

void missing_delegate_leaves_nothing(World& world) {
  const Attachment attachment{.container = "conformance-c1", .netns = world.add_netns("c1")};
  const auto before = take_snapshot(world);
  auto sample = bridge_config(world);
  sample["ipam"]["type"] = "no-such-ipam";
  must_fail(world.call("ADD", sample, attachment), "ADD with an unknown IPAM type");
  require_nothing_left(world, before, attachment, "ADD with an unknown IPAM type");
  const Overrides empty_path{{"CNI_PATH", "/run/netns"}};
  must_fail(world.call("bridge", "ADD", bridge_config(world).dump(), attachment, empty_path),
            "ADD with no IPAM plugin in CNI_PATH");
  require_nothing_left(world, before, attachment, "ADD with no IPAM plugin in CNI_PATH");
}

}  // namespace

std::vector<Case> lifecycle_cases() {
  using enum Versions;
  return {
      {"P11",
       "an attachment without addresses has no 0.1.0/0.2.0 result: error, nothing left",
       {"bridge"},
       kUntil020,
       Ipam::kNone,
       l2_has_no_legacy_result},
      {"P12",
       "results carry the configuration's cniVersion and only that version's fields: host-local and static",
       {"host-local", "static"},
       kEach,
       Ipam::kNone,
       ipam_results_have_their_versions_shape},
      {"P12.loopback",
       "loopback's result likewise",
       {"loopback"},
       kEach,
       Ipam::kNone,
       loopback_result_has_its_versions_shape},
      {"P12.bridge",
       "bridge results likewise; ips name the container's interface",
       {"bridge", "host-local"},
       kEach,
       Ipam::kDelegated,
       bridge_result_has_its_versions_shape},
      {"P13",
       "DEL succeeds repeatedly, before any ADD and without prevResult",
       {"bridge", "host-local"},
       kEach,
       Ipam::kDelegated,
       del_always_succeeds},
      {"P13.netns",
       "DEL succeeds and cleans up with CNI_NETNS empty or gone",
       {"bridge", "host-local"},
       kEach,
       Ipam::kDelegated,
       del_survives_missing_namespace},
      {"P13.bridge",
       "DEL succeeds and cleans up with the bridge deleted",
       {"bridge", "host-local"},
       kEach,
       Ipam::kDelegated,
       del_survives_missing_bridge},
      {"P13.others",
       "DEL of host-local, static and loopback succeeds for what was never added, and harms nobody",
       {"host-local", "static", "loopback"},
       kEach,
       Ipam::kNone,
       del_of_others_is_harmless},
      {"P14",
       "a second ADD fails and leaves the first attachment as it is",
       {"bridge", "host-local"},
       kEach,
       Ipam::kDelegated,
       second_add_fails_and_spares_the_first},
      {"P15",
       "a missing IPAM plugin: error, nothing left",
       {"bridge", "host-local"},
       kEach,
       Ipam::kNone,
       missing_delegate_leaves_nothing},
  };
}

}  // namespace fairlead::conformance
