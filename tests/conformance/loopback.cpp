// L1: the loopback plugin.
#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

Attachment loopback(World& world) { return {.netns = world.add_netns("c1"), .ifname = "lo"}; }

/// The shape of the result is P12.loopback's business.
void comes_up_and_goes_down(World& world) {
  const auto sample = config(world, "loopback");
  const auto attachment = loopback(world);
  const auto before = take_snapshot(world);
  const auto reply = world.call("ADD", sample, attachment);
  require(reply.ok(), "ADD failed: " + reply.describe());
  const auto seen = view(reply.document());
  const auto lo = link(world, "lo", attachment.netns);
  require(has_flag(lo, "UP"), "lo is not up");
  require(has_address(lo, "127.0.0.1/8") && has_address(lo, "::1/128"), "lo lacks an address");
  require_equal(seen.addresses(), "127.0.0.1/8 ::1/128", "the addresses");
  if (world.since("0.3.0"))
    require_equal(seen.interface("lo").value("sandbox", ""), attachment.netns, "the sandbox of lo");
  detach(world, sample, attachment, reply.document());
  require(!has_flag(link(world, "lo", attachment.netns), "UP"), "lo is still up after DEL");
  const auto differences = all_differences(before, take_snapshot(world));
  require(differences.empty(), "the host changed:" + differences);
}

void prev_result_is_passed_through(World& world) {
  auto sample = config(world, "loopback");
  Json previous{{"cniVersion", world.version()},
                {"interfaces", {{{"name", "eth7"}, {"mac", "02:00:00:00:00:07"}}}}};
  previous["ips"] = {{{"address", "10.1.2.7/24"}, {"gateway", "10.1.2.1"}, {"interface", 0}}};
  previous["routes"] = {{{"dst", "0.0.0.0/0"}, {"gw", "10.1.2.1"}}};
  if (!world.since("1.0.0")) previous["ips"][0]["version"] = "4";
  sample["prevResult"] = previous;
  const auto seen = view(attach(world, sample, loopback(world)));
  require_equal(seen.addresses(), "10.1.2.7/24", "the addresses passed through");
  require_equal(seen.interface("eth7").value("mac", ""), "02:00:00:00:00:07", "the interface passed through");
  require_equal(Json(seen.route_texts()).dump(), R"(["0.0.0.0/0 via 10.1.2.1"])",
                "the routes passed through");
}

void check_looks_at_the_flag(World& world) {
  const auto sample = config(world, "loopback");
  const auto attachment = loopback(world);
  const auto reply = world.call("ADD", sample, attachment);
  require(reply.ok(), "ADD failed: " + reply.describe());
  const auto healthy = check(world, sample, attachment, reply.document());
  require(healthy.ok(), "CHECK after ADD failed: " + healthy.describe());
  world.ip_batch("link set lo down\n", attachment.netns);
  must_fail(check(world, sample, attachment, reply.document()), "CHECK with lo down");
}

}  // namespace

std::vector<Case> loopback_cases() {
  using enum Versions;
  return {
      {"L1",
       "lo is up with both addresses after ADD and down after DEL",
       {"loopback"},
       kEach,
       Ipam::kNone,
       comes_up_and_goes_down},
      {"L1.chained",
       "a previous result is passed through",
       {"loopback"},
       kSince030,
       Ipam::kNone,
       prev_result_is_passed_through},
      {"L1.check",
       "CHECK notices that lo is down",
       {"loopback"},
       kSince040,
       Ipam::kNone,
       check_looks_at_the_flag},
  };
}

}  // namespace fairlead::conformance
