// What the contract suite does not reach in the model: limits, effects of one object on another, faults.
#include "tests/support/fake_kernel.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plan/wants.hpp"

namespace fairlead {
namespace {

using namespace test;
constexpr FakeHost::Ns kHost = FakeHost::kHostNs;

int err(const Verdict& verdict) { return verdict ? verdict->err : 0; }

LinkSpec up(LinkSpec spec) {
  spec.up = true;
  return spec;
}

TEST(FakeHost, RefusesTheThousandTwentyFourthPort) {
  FakeHost host;
  ASSERT_FALSE(host.create_link(kHost, bridge_spec("cni0"), kHost));
  const FakeHost::Ns container = host.add_namespace();
  for (std::size_t n = 0; n <= FakeHost::kMaxPorts; ++n) {
    LinkSpec spec = veth_spec("v" + std::to_string(n), "e" + std::to_string(n));
    spec.master = name("cni0");
    EXPECT_EQ(err(host.create_link(kHost, spec, container)), n < FakeHost::kMaxPorts ? 0 : EXFULL);
  }
  EXPECT_EQ(host.at(kHost).find("v1023"), nullptr);
  EXPECT_EQ(host.at(container).find("e1023"), nullptr);
  EXPECT_TRUE(host.contradictions().empty());
}

TEST(FakeHost, BridgeFollowsItsPortsUntilItsMacIsSet) {
  FakeHost host;
  host.create_link(kHost, bridge_spec("cni0"), kHost);
  LinkSpec spec = veth_spec("v1", "e1");
  spec.master = name("cni0");
  spec.mac = mac("02:00:00:00:00:05");
  spec.mtu = mtu(1400);
  host.create_link(kHost, spec, host.add_namespace());
  const auto bridge = [&] { return host.at(kHost).find("cni0")->state; };
  EXPECT_EQ(bridge().mac, mac("02:00:00:00:00:05"));
  EXPECT_EQ(bridge().mtu, 1400U);
  LinkSpec pin = existing_spec("cni0");
  pin.mac = bridge().mac;
  host.change_link(kHost, pin);
  host.delete_link(kHost, "v1");
  EXPECT_EQ(bridge().mac, mac("02:00:00:00:00:05"));
  EXPECT_EQ(bridge().mtu, 1500U);
}

TEST(FakeHost, DeathOfANamespaceTakesTheFarEndsAlong) {
  FakeHost host;
  const std::string before = host.dump();
  const FakeHost::Ns container = host.add_namespace();
  host.create_link(kHost, veth_spec("v1", "eth0"), container);
  host.remove_namespace(container);
  EXPECT_EQ(host.dump(), before);
}

TEST(FakeHost, LoBringsItsAddresses) {
  FakeHost host;
  host.change_link(kHost, up(existing_spec("lo")));
  EXPECT_NE(host.dump().find("addr 127.0.0.1/8 addr ::1/128"), std::string::npos);
  EXPECT_EQ(err(host.delete_link(kHost, "lo")), EOPNOTSUPP);
}

TEST(FakeHost, SecondaryAddressesGoWithTheirPrimaryUnlessPromoted) {
  FakeHost host;
  host.create_link(kHost, up(bridge_spec("b")), kHost);
  for (const char* text : {"10.0.0.1/24", "10.0.0.2/24", "10.9.0.1/24"})
    host.add_address(kHost, "b", {iface(text)});
  EXPECT_EQ(err(host.remove_address(kHost, "b", iface("10.0.0.1/24"))), 0);
  EXPECT_EQ(err(host.remove_address(kHost, "b", iface("10.0.0.2/24"))), EADDRNOTAVAIL);
  host.set_sysctl(kHost, "net/ipv4/conf/b/promote_secondaries", "1");
  host.add_address(kHost, "b", {iface("10.9.0.2/24")});
  host.remove_address(kHost, "b", iface("10.9.0.1/24"));
  EXPECT_EQ(err(host.remove_address(kHost, "b", iface("10.9.0.2/24"))), 0);
}

TEST(FakeHost, RoutesGoWithTheLinkItsStateAndItsAddresses) {
  FakeHost host;
  host.create_link(kHost, up(bridge_spec("b")), kHost);
  const auto routes_after = [&](auto change) {
    FakeHost copy = host;
    copy.add_address(kHost, "b", {iface("10.0.0.1/24")});
    copy.add_route(kHost, default_route("10.0.0.9", "b"));
    EXPECT_EQ(copy.at(kHost).routes.size(), 1U);
    change(copy);
    EXPECT_TRUE(copy.contradictions().empty());
    return copy.at(kHost).routes.size();
  };
  LinkSpec down = existing_spec("b");
  down.up = false;
  EXPECT_EQ(routes_after([&](FakeHost& h) { h.change_link(kHost, down); }), 0U);
  EXPECT_EQ(routes_after([&](FakeHost& h) { h.delete_link(kHost, "b"); }), 0U);
  EXPECT_EQ(routes_after([&](FakeHost& h) { h.remove_address(kHost, "b", iface("10.0.0.1/24")); }), 0U);
  EXPECT_EQ(routes_after([&](FakeHost& h) {
              h.add_address(kHost, "b", {iface("10.7.0.1/24")});
              h.remove_address(kHost, "b", iface("10.0.0.1/24"));
            }),
            1U);
}

TEST(FakeHost, RefusesIpv6WhereItIsDisabled) {
  FakeHost host;
  host.set_sysctl(kHost, "net/ipv6/conf/all/disable_ipv6", "1");
  host.create_link(kHost, bridge_spec("b"), kHost);
  EXPECT_EQ(err(host.add_address(kHost, "b", {iface("fd00::1/64")})), EACCES);
  EXPECT_EQ(err(host.add_address(kHost, "b", {iface("10.0.0.1/24")})), 0);
}

TEST(FakeHost, RefusesWrongLinks) {
  FakeHost host;
  LinkSpec spec = bridge_spec("b");
  spec.mac = mac("03:00:00:00:00:01");
  EXPECT_EQ(err(host.create_link(kHost, spec, kHost)), EADDRNOTAVAIL);
  spec.mac.reset();
  spec.mtu = mtu(70000);
  EXPECT_EQ(err(host.create_link(kHost, spec, kHost)), EINVAL);
  spec.mtu.reset();
  spec.alias = std::string(256, 'x');
  EXPECT_EQ(err(host.create_link(kHost, spec, kHost)), ERANGE);
  host.create_link(kHost, bridge_spec("a"), kHost);
  spec.alias.reset();
  spec.master = name("a");
  EXPECT_EQ(err(host.create_link(kHost, spec, kHost)), ELOOP);
  spec.master = name("lo");
  EXPECT_EQ(err(host.create_link(kHost, spec, kHost)), EOPNOTSUPP);
  EXPECT_EQ(host.at(kHost).links.size(), 2U);
}

TEST(FakeHost, ReadOnlySysctlsAreReadButNotWritten) {
  FakeHost host;
  host.at(kHost).read_only = true;
  EXPECT_EQ(err(host.set_sysctl(kHost, "net/ipv4/ip_forward", "1")), EROFS);
  FakeKernel kernel(host);
  EXPECT_EQ(**kernel.sysctl(Side::kHost, "net/ipv4/ip_forward"), "0");
}

TEST(FakeHost, ElementsNeedTheirTableTheirSetAndTheRightSize) {
  FakeHost host;
  nft::Element element{.set = {.table = "t", .set = "s"}, .key = {1, 2, 3, 4}};
  EXPECT_EQ(err(host.add_element(element)), ENOENT);
  host.ensure_table({.name = "t", .sets = {{.name = "s", .key = {nft::FieldType::kIpv4Addr}}}});
  EXPECT_EQ(err(host.add_element(element)), 0);
  element.key.push_back(5);
  EXPECT_EQ(err(host.add_element(element)), EINVAL);
  element.set.set = "other";
  EXPECT_EQ(err(host.add_element(element)), ENOENT);
}

TEST(FakeKernel, FailedTransactionChangesNothing) {
  FakeHost host;
  FakeKernel kernel(host);
  const nft::Element bad{.set = {.table = "t", .set = "none"}, .key = {1, 2, 3, 4}};
  const std::string before = host.dump();
  const auto outcomes =
      kernel.apply(Plan{Op{.action = EnsureTable{{.name = "t"}}}, Op{.action = AddElement{bad}}});
  EXPECT_EQ(outcomes[0].status, OpStatus::kNotDone);
  EXPECT_FALSE(outcomes[0].error);
  EXPECT_EQ(outcomes[1].error->code, Errc::kNotFound);
  EXPECT_EQ(host.dump(), before);
  EXPECT_TRUE(kernel.carried_out().empty());
}

TEST(FakeKernel, FaultsComeInThreeWays) {
  const auto run = [](Fault fault) {
    FakeHost host;
    FakeKernel kernel(host);
    kernel.fail(1, fault);
    std::string text;
    for (const OpOutcome& outcome : kernel.apply(
             Plan{Op{.action = CreateLink{bridge_spec("a")}}, Op{.action = CreateLink{bridge_spec("b")}},
                  Op{.action = CreateLink{bridge_spec("c")}},
                  Op{.action = SetSysctl{"net/ipv4/ip_forward", "1", "0"}}})) {
      text += outcome.status == OpStatus::kDone      ? "done"
              : outcome.status == OpStatus::kUnknown ? "unknown"
                                                     : "not";
      text += outcome.error ? "! " : " ";
    }
    return text + std::to_string(kernel.carried_out().size());
  };
  EXPECT_EQ(run(Fault::kRefused), "done not! not not 1");
  EXPECT_EQ(run(Fault::kRefusedAmong), "done not! done not 2");
  EXPECT_EQ(run(Fault::kAckLost), "done unknown! unknown not 3");
}

TEST(FakeKernel, WithoutAContainerItsQueriesAndOpsFail) {
  FakeHost host;
  FakeKernel kernel(host);
  EXPECT_FALSE(kernel.has_container());
  EXPECT_EQ(kernel.find_link(Side::kContainer, name("lo")).error().code, Errc::kNotFound);
  EXPECT_EQ(kernel.apply(Plan{inside(ChangeLink{existing_spec("lo")})})[0].error->code, Errc::kNotFound);
  EXPECT_EQ(kernel.apply(Plan{Op{.action = CreateLink{veth_spec("v", "e")}}})[0].error->code,
            Errc::kNotFound);
}

}  // namespace
}  // namespace fairlead
