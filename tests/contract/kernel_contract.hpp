// What every Kernel promises, in cases that run on the real one and on FakeKernel alike.
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Netlink, KernelContract, ::testing::Types<Factory>);
//
// A Factory is default-constructible and has `Kernel& kernel()`: a host and a container namespace with
// nothing but their lo, both of which are down.
#pragma once

#include "tests/contract/contract_fixture.hpp"
#include "tests/contract/l3_contract.hpp"

namespace fairlead::test {

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

TYPED_TEST_P(KernelContract, WaitsUntilALinkIsOperational) {
  LinkSpec pair = veth_spec("veth0", "eth0");
  pair.master = name_of("br0");
  this->must({on_host(CreateLink{bridge_spec("br0")}), on_host(CreateLink{pair}),
              in_container(ChangeLink{existing_up("eth0")}), on_host(AwaitOperational{name_of("veth0")}),
              in_container(AwaitOperational{name_of("eth0")})});
  EXPECT_EQ(this->link(Side::kHost, "veth0")->operstate, IF_OPER_UP);
  EXPECT_EQ(this->apply_one(on_host(AwaitOperational{name_of("veth7")})).error->code, Errc::kNotFound);
}

TYPED_TEST_P(KernelContract, ALinkWithoutCarrierIsNotOperational) {
  this->must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  ASSERT_TRUE(Deadline::after(std::chrono::milliseconds(200)).arm());
  const OpOutcome outcome = this->apply_one(on_host(AwaitOperational{name_of("veth0")}));
  Deadline::disarm();
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->code, Errc::kTimeout) << outcome.error->to_string();
  EXPECT_EQ(outcome.error->what.rfind("wait until link veth0 is operational", 0), 0U)
      << outcome.error->to_string();
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
    WaitsUntilALinkIsOperational, ALinkWithoutCarrierIsNotOperational, ListsTheAddressesOfOneLinkOnly,
    RefusesAnAddressThatIsThere, RestoresARemovedAddressAsItWas, AddressOfAMissingLinkIsNotFound,
    WaitsForTheEndOfDuplicateAddressDetection, RemovesAnAddressOnce, RefusesARouteThroughALinkThatIsDown,
    RefusesAGatewayThatIsNotReachable, AddsARouteWithAllItsValues, AddsEcmpRoutes, AppendsAHopToAnIpv6Route,
    FiltersRoutesByTableAndLink, ConnectedRoutesComeWithTheAddress, ReadsAndWritesSysctls,
    StopsBehindTheGroupThatFailed, BeginsNothingOnceTheDeadlineHasPassed, CarriesAWholeAttachmentOutAtOnce);

}  // namespace fairlead::test
