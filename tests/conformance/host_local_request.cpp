// H5 to H7: requested addresses and configurations that host-local refuses.
#include <functional>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"

namespace fairlead::conformance {
namespace {

Attachment container(const std::string& id, const std::string& args = {}) {
  return {.container = id, .netns = "/run/netns/" + id, .args = args};
}

Json with_runtime_ips(Json config, const std::vector<std::string>& addresses) {
  config["runtimeConfig"]["ips"] = addresses;
  return config;
}

Json with_args_ips(Json config, const std::vector<std::string>& addresses) {
  config["args"]["cni"]["ips"] = addresses;
  return config;
}

void requested_address_is_given_or_refused(World& world) {
  const auto config = ipam_config(world, host_local_ipam());
  const auto wanted = with_runtime_ips(config, {"10.1.2.88"});
  const auto seen = view(attach(world, wanted, container("c1")));
  require_equal(seen.addresses(), "10.1.2.88/24", "the requested address");
  must_fail(world.call("ADD", wanted, container("c2")), "ADD for an address in use");
  const std::vector<std::pair<const char*, std::vector<std::string>>> refused{
      {"outside of the range", {"10.1.3.5"}},
      {"that is the gateway", {"10.1.2.1"}},
      {"that is the broadcast address", {"10.1.2.255"}},
      {"and a second one that no range set takes", {"10.1.2.89", "10.1.2.90"}},
      {"of a family without a range", {"10.1.2.89", "2001:db8::5"}},
  };
  for (const auto& [what, addresses] : refused) {
    must_fail(world.call("ADD", with_runtime_ips(config, addresses), container("c3")),
              std::string("ADD for an address ") + what);
    require(leases("net").size() == 1, std::string("a lease is held after ADD for an address ") + what);
  }
  detach(world, config, container("c1"));
  require(leases("net").empty(), "DEL left a lease");
}

void requests_come_from_three_places(World& world) {
  const auto config = ipam_config(world, host_local_ipam());
  int number = 0;
  const auto expect = [&](const Json& request, const std::string& args, const std::string& address,
                          const std::string& what) {
    const auto id = "c" + std::to_string(++number);
    require_equal(view(attach(world, request, container(id, args))).addresses(), address, what);
    detach(world, request, container(id, args));
  };
  expect(config, "IP=10.1.2.20", "10.1.2.20/24", "the address from CNI_ARGS");
  expect(with_args_ips(config, {"10.1.2.21"}), {}, "10.1.2.21/24", "the address from args.cni.ips");
  expect(with_args_ips(config, {"10.1.2.22/24"}), {}, "10.1.2.22/24",
         "the address with prefix from args.cni.ips");
  expect(with_runtime_ips(config, {"10.1.2.23"}), {}, "10.1.2.23/24", "the address from runtimeConfig.ips");
  expect(with_runtime_ips(config, {"10.1.2.24/24"}), {}, "10.1.2.24/24",
         "the address with prefix from runtimeConfig.ips");
  must_fail(world.call("ADD", with_runtime_ips(config, {"10.1.2.500"}), container("c9")),
            "ADD for a malformed address");
  must_fail(world.call("ADD", config, container("c9", "IP=nonsense")),
            "ADD for a malformed address in CNI_ARGS");
  require(leases("net").empty(), "a refused request holds a lease");
}

void runtime_ranges_come_first(World& world) {
  auto config = ipam_config(world, host_local_ipam());
  config["runtimeConfig"]["ipRanges"] = {{{{"subnet", "10.7.0.0/24"}, {"rangeStart", "10.7.0.50"}}}};
  if (world.since("0.3.0")) {
    const auto seen = view(attach(world, config, container("c1")));
    require_equal(seen.addresses(), "10.7.0.50/24 10.1.2.2/24", "the addresses with runtimeConfig.ipRanges");
  }
  config["ipam"].erase("subnet");
  config["name"] = "other";
  const auto seen = view(attach(world, config, container("c1")));
  require_equal(seen.addresses(), "10.7.0.50/24", "the address with nothing but runtimeConfig.ipRanges");
}

Json set_of(const std::vector<Json>& ranges) { return Json(ranges); }

void wrong_ranges_are_refused(World& world) {
  const auto range = [](const char* subnet) { return Json{{"subnet", subnet}}; };
  const std::vector<std::pair<const char*, Json>> wrong{
      {"overlap within a set", {set_of({range("10.1.2.0/24"), range("10.1.2.128/25")})}},
      {"overlap between sets", {set_of({range("10.1.2.0/24")}), set_of({range("10.1.0.0/16")})}},
      {"mixed families in a set", {set_of({range("10.1.2.0/24"), range("2001:db8::/64")})}},
      {"host bits in the subnet", {set_of({range("10.1.2.3/24")})}},
      {"a subnet without prefix length", {set_of({range("10.1.2.0")})}},
      {"an empty set", {Json::array()}},
      {"rangeStart outside of the subnet",
       {set_of({{{"subnet", "10.1.2.0/24"}, {"rangeStart", "10.1.3.5"}}})}},
      {"rangeEnd outside of the subnet", {set_of({{{"subnet", "10.1.2.0/24"}, {"rangeEnd", "10.1.3.5"}}})}},
      {"rangeStart after rangeEnd",
       {set_of({{{"subnet", "10.1.2.0/24"}, {"rangeStart", "10.1.2.9"}, {"rangeEnd", "10.1.2.5"}}})}},
      {"a gateway that is no address", {set_of({{{"subnet", "10.1.2.0/24"}, {"gateway", "none"}}})}},
  };
  for (const auto& [what, ranges] : wrong) {
    Json ipam{{"type", "host-local"}, {"ranges", ranges}};
    must_fail(world.call("ADD", ipam_config(world, ipam), container("c1")), std::string("ADD with ") + what);
  }
  must_fail(world.call("ADD", ipam_config(world, {{"type", "host-local"}}), container("c1")),
            "ADD without any range");
  require(leases("net").empty(), "a refused configuration holds a lease");
}

/// Both addresses of a /31 belong to hosts (RFC 3021); a /32 holds one container.
void tiny_pools_work(World& world) {
  auto pair = host_local_ipam("10.9.0.0/31");
  const auto seen = view(attach(world, ipam_config(world, pair, "pair"), container("c1")));
  require(seen.addresses() == "10.9.0.0/31" || seen.addresses() == "10.9.0.1/31",
          "a /31 gave " + seen.addresses());
  require(seen.ips.at(0).gateway != seen.ips.at(0).bare(), "the container's address is the gateway's too");
  const auto single = ipam_config(world, host_local_ipam("10.9.1.7/32"), "single");
  require_equal(view(attach(world, single, container("c1"))).addresses(), "10.9.1.7/32",
                "the address of a /32");
  must_fail(world.call("ADD", single, container("c2")), "a second ADD on a /32");
  detach(world, single, container("c1"));
  require_equal(view(attach(world, single, container("c2"))).addresses(), "10.9.1.7/32",
                "the address of a /32 after its release");
}

void other_data_dir_and_range(World& world) {
  Json ipam = host_local_ipam();
  ipam["dataDir"] = "/var/lib/cni/elsewhere";
  ipam["rangeStart"] = "10.1.2.10";
  ipam["rangeEnd"] = "10.1.2.11";
  ipam["gateway"] = "10.1.2.254";
  ipam["routes"] = {{{"dst", "0.0.0.0/0"}}, {{"dst", "192.0.2.0/24"}, {"gw", "10.1.2.9"}}};
  const auto config = ipam_config(world, ipam);
  const auto seen = view(attach(world, config, container("c1")));
  require_equal(seen.addresses(), "10.1.2.10/24", "the address");
  require_equal(seen.ips.at(0).gateway, "10.1.2.254", "the gateway");
  require_equal(Json(seen.route_texts()).dump(), R"(["0.0.0.0/0","192.0.2.0/24 via 10.1.2.9"])",
                "the routes");
  require(leases("net", "/var/lib/cni/elsewhere").contains("10.1.2.10") && leases("net").empty(),
          "the lease is not in dataDir");
  attach(world, config, container("c2"));
  must_fail(world.call("ADD", config, container("c3")), "ADD past rangeEnd");
  detach(world, config, container("c1"));
  require(!leases("net", "/var/lib/cni/elsewhere").contains("10.1.2.10"), "DEL left the lease in dataDir");
}

}  // namespace

std::vector<Case> host_local_request_cases() {
  using enum Versions;
  return {
      {"H5",
       "a requested address is given, or refused without holding anything",
       {"host-local"},
       kEach,
       Ipam::kNone,
       requested_address_is_given_or_refused},
      {"H6",
       "requests come from CNI_ARGS, args.cni and runtimeConfig, with and without prefix",
       {"host-local"},
       kEach,
       Ipam::kNone,
       requests_come_from_three_places},
      {"H6.ranges",
       "runtimeConfig.ipRanges come before the configuration's",
       {"host-local"},
       kEach,
       Ipam::kNone,
       runtime_ranges_come_first},
      {"H6.keys",
       "dataDir, rangeStart, rangeEnd, gateway and routes are honoured",
       {"host-local"},
       kEach,
       Ipam::kNone,
       other_data_dir_and_range},
      {"H7",
       "overlaps, mixed families, host bits and ranges outside of the subnet are refused",
       {"host-local"},
       kEach,
       Ipam::kNone,
       wrong_ranges_are_refused},
      {"H7.tiny", "/31 and /32 pools work", {"host-local"}, kEach, Ipam::kNone, tiny_pools_work},
  };
}

}  // namespace fairlead::conformance
