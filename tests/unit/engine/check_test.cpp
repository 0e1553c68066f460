// CHECK on a model of the host.
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

TEST_F(Attach, CheckPassesAfterAddAndNamesEachSabotage) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const KnownAttachment known{};
  ASSERT_TRUE(check(context(), driver_, source_, known))
      << check(context(), driver_, source_, known).error().to_string();

  const LinkName eth0 = *LinkName::parse("eth0");
  const LinkName cni0 = *LinkName::parse("cni0");
  const LinkName veth = context().identity.host_link();
  const auto masq =
      bridge_desired(driver_.config, names_of(context().identity, {}), record().sections[0].addresses)
          .own.back();
  const nft::Element element = std::get<WantElements>(masq.item).elements[0];
  const std::vector<std::pair<Op, std::string>> sabotages{
      {{.side = Side::kContainer, .action = RemoveAddress{eth0, *IfaceAddress::parse("10.1.2.3/24")}},
       ": address 10.1.2.3/24 of eth0 in the container is missing"},
      {{.side = Side::kContainer, .action = ChangeLink{{.name = eth0, .kind = ExistingLink{}, .up = false}}},
       "eth0 in the container: is down, want up"},
      {{.side = Side::kContainer,
        .action =
            ChangeLink{
                {.name = eth0, .kind = ExistingLink{}, .mac = *MacAddress::parse("02:00:00:00:00:09")}}},
       "eth0 in the container: mac is 02:00:00:00:00:09"},
      {{.side = Side::kHost, .action = ChangeLink{{.name = veth, .kind = ExistingLink{}, .up = false}}},
       veth.str() + ": is down, want up"},
      {{.side = Side::kHost, .action = RemoveAddress{cni0, *IfaceAddress::parse("10.1.2.1/24")}},
       ": address 10.1.2.1/24 of cni0 is missing"},
      {{.side = Side::kHost, .action = SetSysctl{"net/ipv4/ip_forward", "0", "1"}},
       ": net/ipv4/ip_forward: is 0, want 1"},
      {{.side = Side::kHost, .action = RemoveElement{element}},
       ": element cni0 . 10.1.2.3 of inet fairlead " + element.set.set},
      {{.side = Side::kHost, .action = DeleteLink{veth}}, veth.str()},
  };
  for (const auto& [op, named] : sabotages) {
    const FakeHost intact = host_;
    FakeKernel kernel(host_, container_);
    const Op ops[] = {op};
    ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone) << describe(op);
    const auto checked = check(context(), driver_, source_, known);
    ASSERT_FALSE(checked) << "not noticed: " << describe(op);
    EXPECT_NE(checked.error().to_string().find(named), std::string::npos)
        << describe(op) << " gave " << checked.error().to_string();
    host_ = intact;
  }
  const FakeHost intact = host_;
  host_.flush_rules();
  const auto checked = check(context(), driver_, source_, known);
  ASSERT_FALSE(checked) << "not noticed: nft flush table";
  EXPECT_NE(checked.error().to_string().find("table inet fairlead: missing, incomplete"), std::string::npos);
  host_ = intact;
  source_.held = false;
  EXPECT_NE(check(context(), driver_, source_, known).error().to_string().find("lease"), std::string::npos);
}

TEST_F(Attach, CheckTakesTheMacThatAChainedPluginSet) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const MacAddress mac = *MacAddress::parse("02:00:00:00:00:09");
  FakeKernel kernel(host_, container_);
  const Op ops[] = {
      {.side = Side::kContainer,
       .action = ChangeLink{{.name = *LinkName::parse("eth0"), .kind = ExistingLink{}, .mac = mac}}}};
  ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  EXPECT_TRUE(check(context(), driver_, source_, {.mac = mac, .addresses = {}}));
}

TEST_F(Attach, CheckGoesOnBehindAHostEndOfAnotherName) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  host_.rename(FakeHost::kHostNs, context().identity.host_link().str(), "uplink7");
  FakeKernel kernel(host_, container_);
  const Op ops[] = {{.side = Side::kContainer,
                     .action = RemoveAddress{*LinkName::parse("eth0"), *IfaceAddress::parse("10.1.2.3/24")}}};
  ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  const auto checked = check(context(), driver_, source_, {});
  ASSERT_FALSE(checked);
  const std::string text = checked.error().to_string();
  EXPECT_NE(text.find("host end " + context().identity.host_link().str()), std::string::npos) << text;
  EXPECT_NE(text.find("address 10.1.2.3/24 of eth0 in the container"), std::string::npos) << text;
}

TEST_F(Attach, CheckTakesTheMtuThatAChainedPluginSet) {
  driver_.config.mtu = *Mtu::make(1400);
  ASSERT_TRUE(attach(context(), driver_, source_));
  FakeKernel kernel(host_, container_);
  const LinkName eth0 = *LinkName::parse("eth0");
  const Op ops[] = {{.side = Side::kContainer,
                     .action = ChangeLink{{.name = eth0, .kind = ExistingLink{}, .mtu = *Mtu::make(1300)}}}};
  ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  for (const std::optional<std::uint32_t> told : {std::optional<std::uint32_t>(), {1400U}, {1300U}}) {
    const auto checked = check(context(), driver_, source_, {.mtu = told});
    EXPECT_TRUE(checked) << checked.error().to_string();
  }
  const auto checked = check(context(), driver_, source_, {.mtu = 1350});
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().to_string().find("eth0 in the container: mtu is 1300, want 1350"),
            std::string::npos)
      << checked.error().to_string();
}

TEST_F(Attach, CheckFollowsRoutesThatAChainedPluginMovedOrRemoved) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  KnownAttachment known{.addresses = record().sections[0].addresses};
  const LinkName eth0 = *LinkName::parse("eth0");
  const IpNetwork any = IpNetwork::any(IpFamily::kV4);
  const RouteSpec route{.destination = any,
                        .hops = {{.gateway = *IpAddress::parse("10.1.2.1"), .link = eth0}}};
  RouteSpec moved = route;
  moved.table = 100;
  const auto carry_out = [&](Action action) {
    FakeKernel kernel(host_, container_);
    const Op ops[] = {{.side = Side::kContainer, .action = std::move(action)}};
    ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  };
  carry_out(AddRoute{moved});
  carry_out(RemoveRoute{route});
  const auto checked = check(context(), driver_, source_, known);
  EXPECT_TRUE(checked) << "moved to another table: " << checked.error().to_string();

  carry_out(RemoveRoute{moved});
  const auto without = check(context(), driver_, source_, known);
  ASSERT_FALSE(without) << "it is in no table";
  EXPECT_NE(without.error().to_string().find("route default via 10.1.2.1"), std::string::npos);

  std::erase_if(known.addresses.routes, [&](const AttachedRoute& told) { return told.destination == any; });
  EXPECT_TRUE(check(context(), driver_, source_, known)) << "removed, which prevResult says";
}

TEST_F(Attach, CheckLeavesTheSysctlsOfTheContainersInterfaceToChainedPlugins) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  FakeKernel kernel(host_, container_);
  const Op ops[] = {
      {.side = Side::kContainer, .action = SetSysctl{"net/ipv6/conf/eth0/keep_addr_on_down", "0", "1"}}};
  ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  EXPECT_TRUE(check(context(), driver_, source_, {}));
}

TEST_F(Attach, CheckNoticesThatTheCallerWasToldOtherAddresses) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  KnownAttachment known{.mac = {}, .addresses = record().sections[0].addresses};
  known.addresses.addresses.push_back(
      {.address = *IfaceAddress::parse("192.0.2.1/24")});  // a chained plugin's
  EXPECT_TRUE(check(context(), driver_, source_, known));
  known.addresses.addresses[0].address = *IfaceAddress::parse("10.1.2.99/24");
  const auto checked = check(context(), driver_, source_, known);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().to_string().find("the address is 10.1.2.3/24"), std::string::npos);
  EXPECT_EQ(checked.error().protocol_code, 107);
}

TEST_F(Attach, CheckSaysThatTheHostEndIsMissing) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  FakeKernel kernel(host_, container_);
  const Op ops[] = {{.side = Side::kHost, .action = DeleteLink{context().identity.host_link()}}};
  ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  const auto checked = check(context(), driver_, source_, {});
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().to_string().find("is missing"), std::string::npos) << checked.error().to_string();
}

TEST_F(Attach, CheckWithoutARecordComparesWithWhatTheCallerKnows) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const AddressPlan addresses = record().sections[0].addresses;
  std::filesystem::remove_all(run_dir_ + "/attachments");
  EXPECT_TRUE(check(context(), driver_, source_, {.mac = {}, .addresses = addresses}));
  AddressPlan wrong = addresses;
  wrong.addresses[0].address = *IfaceAddress::parse("10.1.2.99/24");
  EXPECT_FALSE(check(context(), driver_, source_, {.mac = {}, .addresses = wrong}));
}

TEST_F(Attach, CheckWithoutARecordFindsTheHostEndWhateverItsName) {
  driver_.config.mtu = *Mtu::make(1400);
  FakeKernel kernel(host_, container_);
  const LinkName eth0 = *LinkName::parse("eth0");
  const LinkName theirs = *LinkName::parse("veth1234abcd");
  const LinkName cni0 = *LinkName::parse("cni0");
  const MacAddress mac = *MacAddress::parse("02:00:00:00:00:09");
  const auto route = [&](const char* gateway) {
    const IpAddress via = *IpAddress::parse(gateway);
    return Op{.side = Side::kContainer,
              .action = AddRoute{
                  {.destination = IpNetwork::any(via.family()), .hops = {{.gateway = via, .link = eth0}}}}};
  };
  const auto address = [&](Side side, const LinkName& link, const char* text) {
    return Op{.side = side, .action = AddAddress{link, {*IfaceAddress::parse(text)}}};
  };
  LinkSpec pair{
      .name = theirs, .kind = VethLink{.peer = {.name = eth0, .mac = mac}}, .master = cni0, .up = true};
  const Op ops[] = {
      {.action = CreateLink{{.name = cni0, .kind = BridgeLink{}, .up = true}}},
      {.action = SetSysctl{"net/ipv6/conf/cni0/accept_ra", "0", "1"}},
      {.action = SetSysctl{"net/ipv4/ip_forward", "1", "0"}},
      {.action = SetSysctl{"net/ipv6/conf/all/forwarding", "1", "0"}},
      address(Side::kHost, cni0, "10.1.2.1/24"),
      address(Side::kHost, cni0, "2001:db8::1/64"),
      {.action = CreateLink{pair}},
      address(Side::kContainer, eth0, "10.1.2.3/24"),
      address(Side::kContainer, eth0, "2001:db8::3/64"),
      {.side = Side::kContainer, .action = ChangeLink{{.name = eth0, .kind = ExistingLink{}, .up = true}}},
      route("10.1.2.1"),
      route("2001:db8::1"),
  };
  for (const OpOutcome& outcome : kernel.apply(ops)) {
    ASSERT_EQ(outcome.status, OpStatus::kDone) << outcome.error->to_string();
  }
  const auto via = [](const char* ip) { return *IpAddress::parse(ip); };
  const KnownAttachment known{
      .mac = mac,
      .addresses = {.addresses = {{*IfaceAddress::parse("10.1.2.3/24"), via("10.1.2.1")},
                                  {*IfaceAddress::parse("2001:db8::3/64"), via("2001:db8::1")}},
                    .routes = {{.destination = IpNetwork::any(IpFamily::kV4), .gateway = via("10.1.2.1")},
                               {.destination = IpNetwork::any(IpFamily::kV6)}}}};
  source_.held = true;
  const auto healthy = check(context(), driver_, source_, known);
  ASSERT_TRUE(healthy) << healthy.error().to_string();

  const std::pair<Op, const char*> sabotages[] = {
      {{.side = Side::kContainer, .action = RemoveAddress{eth0, *IfaceAddress::parse("2001:db8::3/64")}},
       "address 2001:db8::3/64 of eth0 in the container is missing"},
      {{.side = Side::kContainer, .action = RemoveRoute{std::get<AddRoute>(ops[10].action).route}},
       "route default via 10.1.2.1 in the container is missing"},
      {{.side = Side::kContainer, .action = ChangeLink{{.name = eth0, .kind = ExistingLink{}, .up = false}}},
       "eth0 in the container: is down"},
      {{.side = Side::kContainer,
        .action =
            ChangeLink{
                {.name = eth0, .kind = ExistingLink{}, .mac = *MacAddress::parse("02:00:00:00:00:10")}}},
       "eth0 in the container: mac is 02:00:00:00:00:10"},
      {{.action = ChangeLink{{.name = theirs, .kind = ExistingLink{}, .up = false}}},
       "veth1234abcd: is down"},
      {{.action = RemoveAddress{cni0, *IfaceAddress::parse("10.1.2.1/24")}},
       "10.1.2.1/24 of cni0 is missing"},
      {{.action = DeleteLink{theirs}}, "eth0 in the container is missing"},
  };
  for (const auto& [op, named] : sabotages) {
    const FakeHost intact = host_;
    ASSERT_EQ(kernel.apply(std::span(&op, 1))[0].status, OpStatus::kDone) << describe(op);
    const auto checked = check(context(), driver_, source_, known);
    ASSERT_FALSE(checked) << "not noticed: " << describe(op);
    EXPECT_NE(checked.error().to_string().find(named), std::string::npos) << checked.error().to_string();
    EXPECT_EQ(checked.error().protocol_code, 107);
    host_ = intact;
  }
  host_.unplug(FakeHost::kHostNs, theirs.str());
  const auto checked = check(context(), driver_, source_, known);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().to_string().find("veth1234abcd: has no master, want cni0"), std::string::npos);
}

// An index means nothing without its namespace: that of the far end, elsewhere, is a bridge's here.
TEST_F(Attach, CheckWithoutARecordTakesNoLinkForTheHostEndThatOnlyHasItsIndex) {
  ASSERT_FALSE(
      host_.create_link(FakeHost::kHostNs, {.name = driver_.config.bridge, .kind = BridgeLink{}}, 0));
  const FakeHost::Ns elsewhere = host_.add_namespace();
  const VethLink pair{.peer = {.name = *LinkName::parse("eth0")}};
  ASSERT_FALSE(host_.create_link(elsewhere, {.name = *LinkName::parse("far"), .kind = pair}, container_));
  ASSERT_EQ(host_.at(elsewhere).find("far")->state.index,
            host_.at(FakeHost::kHostNs).find("cni0")->state.index);
  source_.held = true;
  const auto checked = check(context(), driver_, source_, {});
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().to_string().find("eth0 in the container has no far end on the host"),
            std::string::npos)
      << checked.error().to_string();
}

TEST_F(Attach, CheckSaysThatTheRecordKnowsOfNoFinishedAttachment) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  Record changed = record();
  changed.sections[0].phase = Phase::kIntent;
  save(changed);
  auto checked = check(context(), driver_, source_, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().protocol_code, 107);
  EXPECT_NE(checked.error().to_string().find("its ADD was interrupted"), std::string::npos);
  changed.sections[0].key = "macvlan:1";
  changed.sections[0].plugin = "macvlan";
  save(changed);
  checked = check(context(), driver_, source_, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().protocol_code, 107);
}

}  // namespace
}  // namespace fairlead::engine
