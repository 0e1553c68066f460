// S1: the static IPAM plugin, called directly.
#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

Attachment container(const std::string& args = {}) {
  return {.container = "c1", .netns = "/run/netns/c1", .args = args};
}

void configuration_is_returned(World& world) {
  Json ipam{{"type", "static"}};
  ipam["addresses"] = {{{"address", "10.10.0.1/24"}, {"gateway", "10.10.0.254"}},
                       {{"address", "3ffe:ffff:0:1ff::1/64"}, {"gateway", "3ffe:ffff:0::1"}}};
  ipam["routes"] = {{{"dst", "0.0.0.0/0"}},
                    {{"dst", "192.168.0.0/16"}, {"gw", "10.10.5.1"}},
                    {{"dst", "3ffe:ffff:0:1ff::/64"}}};
  ipam["dns"] = {{"nameservers", {"10.10.0.1"}},
                 {"domain", "example.com"},
                 {"search", {"example.com"}},
                 {"options", {"ndots:1"}}};
  const auto before = take_snapshot(world);
  const auto config = ipam_config(world, ipam);
  const auto seen = view(attach(world, config, container()));
  require_equal(seen.addresses(), "10.10.0.1/24 3ffe:ffff:0:1ff::1/64", "the addresses");
  require_equal(seen.ips.at(0).gateway, "10.10.0.254", "the IPv4 gateway");
  require_equal(seen.ips.at(1).gateway, "3ffe:ffff::1", "the IPv6 gateway");
  require_equal(Json(seen.route_texts()).dump(),
                R"(["0.0.0.0/0","192.168.0.0/16 via 10.10.5.1","3ffe:ffff:0:1ff::/64"])", "the routes");
  require_equal(seen.dns.dump(), ipam.at("dns").dump(), "dns");
  detach(world, config, container());
  const auto differences = all_differences(before, take_snapshot(world));
  require(differences.empty(), "static keeps state:" + differences);
}

void args_append(World& world) {
  const auto config = ipam_config(world, static_ipam({"10.10.0.1/24"}));
  const auto empty = ipam_config(world, {{"type", "static"}});
  const auto from_args = view(attach(world, empty, container("IP=10.10.0.2/24;GATEWAY=10.10.0.254")));
  require_equal(from_args.addresses(), "10.10.0.2/24", "the address from CNI_ARGS");
  require_equal(from_args.ips.at(0).gateway, "10.10.0.254", "the gateway from CNI_ARGS");
  const auto two =
      view(attach(world, empty, container("IP=10.10.0.2/24,2001:db8::2/64;GATEWAY=10.10.0.254,2001:db8::1")));
  require_equal(two.addresses(), "10.10.0.2/24 2001:db8::2/64", "the addresses from CNI_ARGS");
  require_equal(two.ips.at(1).gateway, "2001:db8::1", "the second gateway from CNI_ARGS");
  if (!world.since("0.3.0")) return;
  const auto both = view(attach(world, config, container("IP=10.10.0.2/24")));
  require_equal(both.addresses(), "10.10.0.1/24 10.10.0.2/24",
                "the addresses from the configuration and CNI_ARGS");
}

void args_and_runtime_replace(World& world) {
  auto config = ipam_config(world, static_ipam({"10.10.0.1/24"}));
  config["args"]["cni"]["ips"] = {"10.10.0.3/24"};
  require_equal(view(attach(world, config, container())).addresses(), "10.10.0.3/24",
                "the address with args.cni.ips");
  config["runtimeConfig"]["ips"] = {"10.10.0.4/24"};
  require_equal(view(attach(world, config, container())).addresses(), "10.10.0.4/24",
                "the address with args.cni.ips and runtimeConfig.ips");
  config.erase("args");
  require_equal(view(attach(world, config, container())).addresses(), "10.10.0.4/24",
                "the address with runtimeConfig.ips");
}

void bad_values_are_refused(World& world) {
  const auto good = ipam_config(world, static_ipam({"10.10.0.1/24"}));
  for (const char* address : {"10.10.0.1", "10.10.0.1/33", "10.10.0.500/24", "nonsense", ""}) {
    must_fail(world.call("ADD", ipam_config(world, static_ipam({address})), container()),
              std::string("ADD with address '") + address + "'");
    auto bad = good;
    bad["args"]["cni"]["ips"] = {address};
    must_fail(world.call("ADD", bad, container()), std::string("ADD with args.cni.ips '") + address + "'");
    bad = good;
    bad["runtimeConfig"]["ips"] = {address};
    must_fail(world.call("ADD", bad, container()),
              std::string("ADD with runtimeConfig.ips '") + address + "'");
  }
  must_fail(world.call("ADD", good, container("IP=10.10.0.2/99")), "ADD with a bad address in CNI_ARGS");
  must_fail(world.call("ADD", good, container("IP=10.10.0.2/24;GATEWAY=nonsense")),
            "ADD with a bad gateway in CNI_ARGS");
  must_fail(world.call("ADD", config(world, "static"), container()), "ADD without ipam");
}

void check_passes(World& world) {
  const auto config = ipam_config(world, static_ipam({"10.10.0.1/24"}));
  const auto result = attach(world, config, container());
  const auto reply = check(world, config, container(), result);
  require(reply.ok(), "CHECK failed: " + reply.describe());
}

}  // namespace

std::vector<Case> static_cases() {
  using enum Versions;
  return {
      {"S1",
       "static returns what the configuration says and keeps no state",
       {"static"},
       kEach,
       Ipam::kNone,
       configuration_is_returned},
      {"S1.args", "addresses of CNI_ARGS are appended", {"static"}, kEach, Ipam::kNone, args_append},
      {"S1.replace",
       "args.cni.ips and before it runtimeConfig.ips replace the configuration's",
       {"static"},
       kEach,
       Ipam::kNone,
       args_and_runtime_replace},
      {"S1.bad",
       "malformed addresses from each source and a missing ipam are errors",
       {"static"},
       kEach,
       Ipam::kNone,
       bad_values_are_refused},
      {"S1.check", "CHECK passes after ADD", {"static"}, kSince040, Ipam::kNone, check_passes},
  };
}

}  // namespace fairlead::conformance
