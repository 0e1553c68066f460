// What every Kernel promises, in cases that run on the real one and on FakeKernel alike.
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Netlink, KernelContract, ::testing::Types<Factory>);
//
// A Factory is default-constructible and has `Kernel& kernel()`: a host and a container namespace with
// nothing but their lo, both of which are down.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fairlead/deadline.hpp"
#include "fairlead/kernel.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::test {

template <class Factory>
class KernelContract : public ::testing::Test {
 protected:
  Kernel& kernel() { return factory_.kernel(); }

  OpOutcome apply_one(const Op& op) { return kernel().apply(std::vector{op}).front(); }
  /// Applies ops that must all be done.
  void must(const std::vector<Op>& ops) {
    const auto outcomes = kernel().apply(ops);
    ASSERT_EQ(outcomes.size(), ops.size());
    for (std::size_t i = 0; i < ops.size(); ++i)
      ASSERT_EQ(outcomes[i].status, OpStatus::kDone)
          << describe(ops[i]) << ": " << (outcomes[i].error ? outcomes[i].error->to_string() : "not sent");
  }
  /// Applies one op that must be refused with that errno and leave nothing done.
  void refused(const Op& op, int err, Errc code) {
    const OpOutcome outcome = apply_one(op);
    EXPECT_EQ(outcome.status, OpStatus::kNotDone) << describe(op);
    ASSERT_TRUE(outcome.error.has_value()) << describe(op);
    EXPECT_EQ(outcome.error->code, code) << outcome.error->to_string();
    ASSERT_TRUE(outcome.error->kernel.has_value()) << outcome.error->to_string();
    EXPECT_EQ(outcome.error->kernel->err, err) << outcome.error->to_string();
    EXPECT_EQ(outcome.error->what.rfind(describe(op), 0), 0U) << outcome.error->to_string();
  }
  std::optional<LinkState> link(Side side, const std::string& name) {
    auto found = kernel().find_link(side, name_of(name));
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : std::nullopt;
  }
  LinkIndex index(Side side, const std::string& name) {
    const auto found = link(side, name);
    EXPECT_TRUE(found.has_value()) << name;
    return found ? found->index : LinkIndex{};
  }
  std::vector<std::string> addresses(Side side, const std::string& name) {
    std::vector<std::string> texts;
    auto found = kernel().addresses(side, index(side, name));
    EXPECT_TRUE(found) << found.error().to_string();
    for (const AddressState& address : *found)
      if (!address.address.address().is_link_local()) texts.push_back(address.address.to_string());
    return texts;
  }
  /// The routes that the filter finds to `destination`.
  std::vector<RouteSpec> routes_to(const std::string& destination, RouteFilter filter = {}) {
    filter.family = net(destination).family();
    auto found = kernel().routes(Side::kContainer, filter);
    EXPECT_TRUE(found) << found.error().to_string();
    std::vector<RouteSpec> routes = *found;
    std::erase_if(routes, [&](const RouteSpec& route) { return route.destination != net(destination); });
    return routes;
  }
  /// A veth pair, up at both ends, with 10.1.0.2/24 and 2001:db8:1::2/64 on the container's.
  void attach_eth0() {
    must({on_host(CreateLink{veth_spec("veth0", "eth0")}), in_container(ChangeLink{existing_up("eth0")}),
          in_container(AddAddress{name_of("eth0"), {.address = iface("10.1.0.2/24")}}),
          in_container(AddAddress{name_of("eth0"), {.address = iface("2001:db8:1::2/64")}})});
  }

 private:
  Factory factory_;
};

TYPED_TEST_SUITE_P(KernelContract);

TYPED_TEST_P(KernelContract, FindsNoLinkWhereThereIsNone) {
  EXPECT_FALSE(this->link(Side::kHost, "br0").has_value());
  auto by_index = this->kernel().find_link(Side::kHost, LinkIndex{4711});
  ASSERT_TRUE(by_index) << by_index.error().to_string();
  EXPECT_FALSE(by_index->has_value());
  const auto lo = this->link(Side::kContainer, "lo");
  ASSERT_TRUE(lo.has_value());
  EXPECT_TRUE(lo->loopback);
  EXPECT_FALSE(lo->up);
}

TYPED_TEST_P(KernelContract, CreatesABridgeAsWanted) {
  LinkSpec spec = bridge_spec("br0");
  spec.mac = mac("02:00:00:00:00:01");
  spec.mtu = *Mtu::make(1400);
  spec.alias = "fairlead bridge";
  this->must({on_host(CreateLink{spec})});
  const auto state = this->link(Side::kHost, "br0");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->kind, "bridge");
  EXPECT_EQ(state->mac, spec.mac);
  EXPECT_EQ(state->mtu, 1400U);
  EXPECT_EQ(state->alias, "fairlead bridge");
  EXPECT_TRUE(state->up);
  EXPECT_FALSE(this->link(Side::kContainer, "br0").has_value());
}

TYPED_TEST_P(KernelContract, TakesAnAliasOf255BytesAndTakesItAway) {
  LinkSpec spec = bridge_spec("br0");
  spec.alias = std::string(255, 'a');
  this->must({on_host(CreateLink{spec})});
  EXPECT_EQ(this->link(Side::kHost, "br0")->alias, spec.alias);
  LinkSpec change = existing("br0");
  change.alias = "";
  this->must({on_host(ChangeLink{change})});
  EXPECT_EQ(this->link(Side::kHost, "br0")->alias, "");
  change.alias = std::string(256, 'a');
  this->refused(on_host(ChangeLink{change}), ERANGE, Errc::kInvalid);
}

TYPED_TEST_P(KernelContract, RefusesALinkWhoseNameIsTaken) {
  this->must({on_host(CreateLink{bridge_spec("br0")})});
  this->refused(on_host(CreateLink{bridge_spec("br0")}), EEXIST, Errc::kExists);
}

TYPED_TEST_P(KernelContract, LeavesTheForeignLinkAloneWhoseNameIsTaken) {
  this->must({on_host(CreateLink{bridge_spec("veth0")})});
  LinkSpec spec = veth_spec("veth0", "eth0");
  spec.alias = "ours";
  const auto outcome = this->apply_one(on_host(CreateLink{spec}));
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  EXPECT_EQ(this->link(Side::kHost, "veth0")->alias, "");
  EXPECT_FALSE(this->link(Side::kContainer, "eth0").has_value());
}

TYPED_TEST_P(KernelContract, BearsTheVethPeerInTheContainer) {
  LinkSpec spec = veth_spec("veth0", "eth0");
  auto& peer = std::get<VethLink>(spec.kind).peer;
  peer.mac = mac("02:00:00:00:00:02");
  peer.mtu = *Mtu::make(1300);
  spec.mtu = *Mtu::make(1300);
  this->must({on_host(CreateLink{spec})});
  const auto host_end = this->link(Side::kHost, "veth0");
  const auto container_end = this->link(Side::kContainer, "eth0");
  ASSERT_TRUE(host_end && container_end);
  EXPECT_EQ(container_end->kind, "veth");
  EXPECT_EQ(container_end->mac, peer.mac);
  EXPECT_EQ(container_end->mtu, 1300U);
  EXPECT_FALSE(container_end->up);
  EXPECT_EQ(host_end->link, container_end->index);
  EXPECT_EQ(container_end->link, host_end->index);
  EXPECT_FALSE(this->link(Side::kHost, "eth0").has_value());
}

TYPED_TEST_P(KernelContract, RefusesAVethWhosePeerNameIsTaken) {
  this->must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  this->refused(on_host(CreateLink{veth_spec("veth1", "eth0")}), EEXIST, Errc::kExists);
  EXPECT_FALSE(this->link(Side::kHost, "veth1").has_value());
  const auto text = [this](const char* name, const char* peer) {
    return this->apply_one(on_host(CreateLink{veth_spec(name, peer)})).error.value().what;
  };
  EXPECT_THAT(text("veth1", "eth0"), ::testing::EndsWith("EEXIST: eth0 exists already in the container"));
  EXPECT_THAT(text("veth0", "eth1"), ::testing::EndsWith("EEXIST: veth0 exists already on the host"));
}

TYPED_TEST_P(KernelContract, DeletingAVethTakesItsPeerAlong) {
  this->must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  this->must({on_host(DeleteLink{name_of("veth0")})});
  EXPECT_FALSE(this->link(Side::kHost, "veth0").has_value());
  EXPECT_FALSE(this->link(Side::kContainer, "eth0").has_value());
  this->must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  this->must({in_container(DeleteLink{name_of("eth0")})});
  EXPECT_FALSE(this->link(Side::kHost, "veth0").has_value());
}

TYPED_TEST_P(KernelContract, DeletingWhatIsNotThereIsNotFound) {
  this->refused(on_host(DeleteLink{name_of("veth0")}), ENODEV, Errc::kNotFound);
  this->refused(on_host(ChangeLink{existing_up("veth0")}), ENODEV, Errc::kNotFound);
}

TYPED_TEST_P(KernelContract, ChangesTheOptionsOfABridgeAndOfNothingElse) {
  this->must({on_host(CreateLink{bridge_spec("br0")}), on_host(CreateLink{veth_spec("veth0", "eth0")})});
  LinkSpec change = existing("br0");
  change.kind = BridgeLink{.vlan_filtering = std::nullopt, .vlan_default_pvid = 7};
  this->must({on_host(ChangeLink{change})});
  change.name = name_of("veth0");
  this->refused(on_host(ChangeLink{change}), EOPNOTSUPP, Errc::kUnsupported);
}

TYPED_TEST_P(KernelContract, SetsAndReportsPortOptions) {
  LinkSpec spec = veth_spec("veth0", "eth0");
  spec.master = name_of("br0");
  spec.port = {.hairpin = true, .isolated = std::nullopt};
  this->must({on_host(CreateLink{bridge_spec("br0")}), on_host(CreateLink{spec})});
  auto state = this->link(Side::kHost, "veth0");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->master, this->index(Side::kHost, "br0"));
  EXPECT_EQ(state->port_kind, "bridge");
  EXPECT_EQ(state->port.hairpin, true);
  EXPECT_EQ(state->port.isolated, false);

  LinkSpec change = existing("veth0");
  change.port = {.hairpin = false, .isolated = true};
  this->must({on_host(ChangeLink{change})});
  state = this->link(Side::kHost, "veth0");
  EXPECT_EQ(state->port.hairpin, false);
  EXPECT_EQ(state->port.isolated, true);
}

TYPED_TEST_P(KernelContract, JoinsABridgeWithItsOptionsInOneChange) {
  this->must({on_host(CreateLink{bridge_spec("br0")}), on_host(CreateLink{veth_spec("veth0", "eth0")})});
  LinkSpec change = existing("veth0");
  change.master = name_of("br0");
  change.port.isolated = true;
  this->must({on_host(ChangeLink{change})});
  const auto state = this->link(Side::kHost, "veth0");
  EXPECT_EQ(state->master, this->index(Side::kHost, "br0"));
  EXPECT_EQ(state->port.isolated, true);
}

TYPED_TEST_P(KernelContract, RefusesAMasterThatDoesNotExist) {
  LinkSpec spec = veth_spec("veth0", "eth0");
  spec.master = name_of("br0");
  this->refused(on_host(CreateLink{spec}), ENODEV, Errc::kNotFound);
  EXPECT_FALSE(this->link(Side::kContainer, "eth0").has_value());
}

TYPED_TEST_P(KernelContract, ChangesALink) {
  this->must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  LinkSpec change = existing("eth0");
  change.mac = mac("02:00:00:00:00:09");
  change.mtu = *Mtu::make(1280);
  change.promisc = true;
  change.up = true;
  change.arp_notify = true;
  this->must({in_container(ChangeLink{change})});
  const auto state = this->link(Side::kContainer, "eth0");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->mac, change.mac);
  EXPECT_EQ(state->mtu, 1280U);
  EXPECT_TRUE(state->promisc_flag);
  EXPECT_TRUE(state->up);
  EXPECT_TRUE(state->lower_up);
  const auto notify = this->kernel().sysctl(Side::kContainer, "net/ipv4/conf/eth0/arp_notify");
  ASSERT_TRUE(notify) << notify.error().to_string();
  EXPECT_EQ(*notify, "1");
}

TYPED_TEST_P(KernelContract, ListsTheAddressesOfOneLinkOnly) {
  this->attach_eth0();
  this->must({in_container(ChangeLink{existing_up("lo")})});
  EXPECT_THAT(this->addresses(Side::kContainer, "eth0"),
              ::testing::UnorderedElementsAre("10.1.0.2/24", "2001:db8:1::2/64"));
  EXPECT_THAT(this->addresses(Side::kHost, "veth0"), ::testing::IsEmpty());
}

TYPED_TEST_P(KernelContract, RefusesAnAddressThatIsThere) {
  this->attach_eth0();
  for (const char* text : {"10.1.0.2/24", "2001:db8:1::2/64"})
    this->refused(in_container(AddAddress{name_of("eth0"), {.address = iface(text)}}), EEXIST, Errc::kExists);
}

TYPED_TEST_P(KernelContract, RestoresARemovedAddressAsItWas) {
  this->must({on_host(CreateLink{bridge_spec("br0")})});
  const AddressAttributes labelled{.scope = 253,
                                   .label = "br0:old",
                                   .broadcast = ip("10.1.0.63"),
                                   .lifetime = AddressLifetime{.valid = 7200, .preferred = 3600},
                                   .no_prefix_route = true};
  const AddressAttributes far{.peer = ip("10.2.0.2")};
  const AddressAttributes leased{.lifetime = AddressLifetime{.valid = 7200, .preferred = 3600}};
  for (const auto& [address, attributes] : {std::pair("10.1.0.1/24", labelled), std::pair("10.2.0.1/32", far),
                                            std::pair("2001:db8:1::1/64", leased)}) {
    const auto states = [this, text = address] {
      std::vector<AddressState> found =
          *this->kernel().addresses(Side::kHost, this->index(Side::kHost, "br0"));
      std::erase_if(found, [text](const AddressState& state) { return state.address != iface(text); });
      return found;
    };
    this->must({on_host(AddAddress{name_of("br0"), {.address = iface(address), .attributes = attributes}})});
    const auto before = states();
    ASSERT_EQ(before.size(), 1U) << address;
    const Op removal = on_host(RemoveAddress{name_of("br0"), before[0].address, before[0].attributes});
    this->must({removal});
    EXPECT_TRUE(states().empty()) << address;
    this->must({*inverse(removal)});
    const auto after = states();
    ASSERT_EQ(after.size(), 1U) << address;
    AddressAttributes is = after[0].attributes;
    if (attributes.lifetime) {
      ASSERT_TRUE(is.lifetime.has_value()) << address;
      EXPECT_NEAR(is.lifetime->valid, 7200, 600);
      EXPECT_NEAR(is.lifetime->preferred, 3600, 600);
    }
    is.lifetime = before[0].attributes.lifetime;  // seconds may have passed
    EXPECT_EQ(is, before[0].attributes) << address;
    EXPECT_EQ(is.peer, attributes.peer);
    EXPECT_EQ(is.label, attributes.label.empty() ? before[0].attributes.label : attributes.label);
    EXPECT_EQ(is.scope, attributes.scope ? attributes.scope : before[0].attributes.scope);
    EXPECT_EQ(is.broadcast, attributes.broadcast ? attributes.broadcast : before[0].attributes.broadcast);
    EXPECT_EQ(is.no_prefix_route, attributes.no_prefix_route);
  }
}

TYPED_TEST_P(KernelContract, AddressOfAMissingLinkIsNotFound) {
  this->refused(in_container(AddAddress{name_of("eth0"), {.address = iface("10.1.0.2/24")}}), ENODEV,
                Errc::kNotFound);
  this->refused(in_container(RemoveAddress{name_of("eth0"), iface("10.1.0.2/24")}), ENODEV, Errc::kNotFound);
}

TYPED_TEST_P(KernelContract, RemovesAnAddressOnce) {
  this->attach_eth0();
  for (const char* text : {"10.1.0.2/24", "2001:db8:1::2/64"}) {
    this->must({in_container(RemoveAddress{name_of("eth0"), iface(text)})});
    this->refused(in_container(RemoveAddress{name_of("eth0"), iface(text)}), EADDRNOTAVAIL, Errc::kNotFound);
  }
  EXPECT_THAT(this->addresses(Side::kContainer, "eth0"), ::testing::IsEmpty());
}

TYPED_TEST_P(KernelContract, RefusesARouteThroughALinkThatIsDown) {
  this->must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  const auto outcome = this->apply_one(in_container(AddRoute{route_via("192.0.2.0/24", "eth0")}));
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(outcome.error && outcome.error->kernel);
  EXPECT_EQ(outcome.error->kernel->err, ENETDOWN);
}

TYPED_TEST_P(KernelContract, RefusesAGatewayThatIsNotReachable) {
  this->attach_eth0();
  const auto outcome = this->apply_one(in_container(AddRoute{route_via("0.0.0.0/0", "eth0", "192.0.2.1")}));
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(outcome.error && outcome.error->kernel);
  EXPECT_EQ(outcome.error->kernel->err, ENETUNREACH);
  RouteSpec onlink = route_via("0.0.0.0/0", "eth0", "192.0.2.1");
  onlink.hops[0].onlink = true;
  this->must({in_container(AddRoute{onlink})});
  const auto found = this->routes_to("0.0.0.0/0");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].hops[0].onlink);
}

TYPED_TEST_P(KernelContract, AddsARouteWithAllItsValues) {
  this->attach_eth0();
  for (const auto& [destination, gateway, source] :
       {std::tuple("198.51.100.0/24", "10.1.0.1", "10.1.0.2"),
        std::tuple("2001:db8:2::/64", "2001:db8:1::1", "2001:db8:1::2")}) {
    RouteSpec wanted = route_via(destination, "eth0", gateway);
    wanted.source = ip(source);
    wanted.priority = 77;
    wanted.mtu = 1400;
    wanted.advmss = 1300;
    this->must({in_container(AddRoute{wanted})});
    const auto found = this->routes_to(destination);
    ASSERT_EQ(found.size(), 1U) << destination;
    ASSERT_EQ(found[0].hops.size(), 1U);
    EXPECT_EQ(found[0].hops[0].gateway, ip(gateway));
    EXPECT_EQ(found[0].hops[0].index, this->index(Side::kContainer, "eth0"));
    EXPECT_EQ(found[0].source, wanted.source);
    EXPECT_EQ(found[0].priority, 77U);
    EXPECT_EQ(found[0].mtu, 1400U);
    EXPECT_EQ(found[0].advmss, 1300U);
    EXPECT_EQ(found[0].table, 254U);
    this->refused(in_container(AddRoute{wanted}), EEXIST, Errc::kExists);
    this->must({in_container(RemoveRoute{wanted})});
    EXPECT_THAT(this->routes_to(destination), ::testing::IsEmpty());
    this->refused(in_container(RemoveRoute{wanted}), ESRCH, Errc::kNotFound);
  }
}

TYPED_TEST_P(KernelContract, AddsEcmpRoutes) {
  this->attach_eth0();
  for (const auto& [destination, first, second] : {std::tuple("0.0.0.0/0", "10.1.0.1", "10.1.0.9"),
                                                   std::tuple("::/0", "2001:db8:1::1", "2001:db8:1::9")}) {
    RouteSpec wanted = route_via(destination, "eth0", first);
    wanted.hops.push_back(route_via(destination, "eth0", second).hops[0]);
    wanted.hops[1].weight = 3;
    this->must({in_container(AddRoute{wanted})});
    const auto found = this->routes_to(destination);
    ASSERT_EQ(found.size(), 1U) << destination;
    ASSERT_EQ(found[0].hops.size(), 2U) << destination;
    EXPECT_EQ(found[0].hops[0].gateway, ip(first));
    EXPECT_EQ(found[0].hops[0].weight, 1);
    EXPECT_EQ(found[0].hops[1].gateway, ip(second));
    EXPECT_EQ(found[0].hops[1].weight, 3);
    this->must({in_container(RemoveRoute{wanted})});
    EXPECT_THAT(this->routes_to(destination), ::testing::IsEmpty());
  }
}

TYPED_TEST_P(KernelContract, AppendsAHopToAnIpv6Route) {
  this->attach_eth0();
  RouteSpec more = route_via("2001:db8:2::/64", "eth0", "2001:db8:1::9");
  more.append = true;
  this->must({in_container(AddRoute{route_via("2001:db8:2::/64", "eth0", "2001:db8:1::1")}),
              in_container(AddRoute{more})});
  const auto found = this->routes_to("2001:db8:2::/64");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].hops.size(), 2U);
}

TYPED_TEST_P(KernelContract, FiltersRoutesByTableAndLink) {
  this->attach_eth0();
  EXPECT_THAT(this->routes_to("198.51.100.0/24", {.table = 1000}), ::testing::IsEmpty());
  RouteSpec wanted = route_via("198.51.100.0/24", "eth0", "10.1.0.1");
  wanted.table = 1000;
  this->must({in_container(AddRoute{wanted})});
  EXPECT_THAT(this->routes_to("198.51.100.0/24"), ::testing::IsEmpty());
  EXPECT_EQ(this->routes_to("198.51.100.0/24", {.table = 1000}).size(), 1U);
  EXPECT_EQ(this->routes_to("198.51.100.0/24", {.all_tables = true}).size(), 1U);
  const LinkIndex eth0 = this->index(Side::kContainer, "eth0");
  EXPECT_EQ(this->routes_to("198.51.100.0/24", {.link = eth0, .table = 1000}).size(), 1U);
  const LinkIndex lo = this->index(Side::kContainer, "lo");
  EXPECT_THAT(this->routes_to("198.51.100.0/24", {.link = lo, .all_tables = true}), ::testing::IsEmpty());
}

TYPED_TEST_P(KernelContract, ConnectedRoutesComeWithTheAddress) {
  this->attach_eth0();
  const auto connected = this->routes_to("10.1.0.0/24");
  ASSERT_EQ(connected.size(), 1U);
  EXPECT_EQ(connected[0].source, ip("10.1.0.2"));
  EXPECT_EQ(connected[0].scope, 253);
  EXPECT_EQ(this->routes_to("2001:db8:1::/64").size(), 1U);
}

TYPED_TEST_P(KernelContract, ReadsAndWritesSysctls) {
  const std::string key = "net/ipv4/conf/lo/arp_notify";
  auto missing = this->kernel().sysctl(Side::kHost, "net/ipv4/conf/eth7/arp_notify");
  ASSERT_TRUE(missing) << missing.error().to_string();
  EXPECT_FALSE(missing->has_value());
  this->refused(on_host(SetSysctl{.key = "net/ipv4/conf/eth7/arp_notify", .value = "1", .previous = {}}),
                ENOENT, Errc::kNotFound);
  this->must({in_container(SetSysctl{.key = key, .value = "1", .previous = "0"})});
  EXPECT_EQ(this->kernel().sysctl(Side::kHost, "net.ipv4.ip_forward").error().code, Errc::kInvalid);
  EXPECT_EQ(*this->kernel().sysctl(Side::kContainer, key), "1");
  EXPECT_EQ(*this->kernel().sysctl(Side::kHost, key), "0");
}

TYPED_TEST_P(KernelContract, StopsBehindTheGroupThatFailed) {
  const auto outcomes = this->kernel().apply(std::vector{on_host(CreateLink{bridge_spec("br0")}),
                                                         on_host(DeleteLink{name_of("veth0")}),
                                                         in_container(ChangeLink{existing_up("lo")})});
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].status, OpStatus::kDone);
  EXPECT_EQ(outcomes[1].status, OpStatus::kNotDone);
  EXPECT_TRUE(outcomes[1].error.has_value());
  EXPECT_EQ(outcomes[2].status, OpStatus::kNotDone);
  EXPECT_FALSE(outcomes[2].error.has_value());
  EXPECT_FALSE(this->link(Side::kContainer, "lo")->up);
}

TYPED_TEST_P(KernelContract, BeginsNothingOnceTheDeadlineHasPassed) {
  const std::vector ops{on_host(CreateLink{bridge_spec("br0")}), in_container(ChangeLink{existing_up("lo")})};
  ASSERT_TRUE(Deadline::after(std::chrono::milliseconds(0)).arm());
  while (!Deadline::passed()) {
  }
  const auto late = this->kernel().apply(ops);
  Deadline::disarm();
  for (const OpOutcome& outcome : late) EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(late[0].error.has_value());
  EXPECT_EQ(late[0].error->code, Errc::kTimeout);
  EXPECT_EQ(late[0].error->what, "create bridge br0: the deadline has passed");
  EXPECT_FALSE(late[1].error.has_value());
  EXPECT_FALSE(this->link(Side::kHost, "br0").has_value());
  EXPECT_FALSE(this->link(Side::kContainer, "lo")->up);
}

TYPED_TEST_P(KernelContract, CarriesAWholeAttachmentOutAtOnce) {
  LinkSpec veth = veth_spec("veth0", "eth0");
  veth.master = name_of("br0");
  veth.alias = "fairlead net/id/eth0";
  veth.port.hairpin = true;
  this->must({on_host(CreateLink{bridge_spec("br0")}),
              on_host(AddAddress{name_of("br0"), {.address = iface("10.1.0.1/24")}}),
              on_host(SetSysctl{.key = "net/ipv4/ip_forward", .value = "1", .previous = "0"}),
              on_host(CreateLink{veth}), in_container(ChangeLink{existing_up("eth0")}),
              in_container(AddAddress{name_of("eth0"), {.address = iface("10.1.0.2/24")}}),
              in_container(AddRoute{route_via("0.0.0.0/0", "eth0", "10.1.0.1")})});
  EXPECT_EQ(this->link(Side::kHost, "veth0")->alias, "fairlead net/id/eth0");
  EXPECT_EQ(this->routes_to("0.0.0.0/0").size(), 1U);
  EXPECT_EQ(this->kernel().links(Side::kContainer)->size(), 2U);
}

REGISTER_TYPED_TEST_SUITE_P(
    KernelContract, FindsNoLinkWhereThereIsNone, CreatesABridgeAsWanted, TakesAnAliasOf255BytesAndTakesItAway,
    RefusesALinkWhoseNameIsTaken, LeavesTheForeignLinkAloneWhoseNameIsTaken, BearsTheVethPeerInTheContainer,
    RefusesAVethWhosePeerNameIsTaken, DeletingAVethTakesItsPeerAlong, DeletingWhatIsNotThereIsNotFound,
    ChangesTheOptionsOfABridgeAndOfNothingElse, SetsAndReportsPortOptions,
    JoinsABridgeWithItsOptionsInOneChange, RefusesAMasterThatDoesNotExist, ChangesALink,
    ListsTheAddressesOfOneLinkOnly, RefusesAnAddressThatIsThere, RestoresARemovedAddressAsItWas,
    AddressOfAMissingLinkIsNotFound, RemovesAnAddressOnce, RefusesARouteThroughALinkThatIsDown,
    RefusesAGatewayThatIsNotReachable, AddsARouteWithAllItsValues, AddsEcmpRoutes, AppendsAHopToAnIpv6Route,
    FiltersRoutesByTableAndLink, ConnectedRoutesComeWithTheAddress, ReadsAndWritesSysctls,
    StopsBehindTheGroupThatFailed, BeginsNothingOnceTheDeadlineHasPassed, CarriesAWholeAttachmentOutAtOnce);

}  // namespace fairlead::test
