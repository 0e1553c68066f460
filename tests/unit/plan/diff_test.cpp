// diff() decides on values alone: these cases hand it observations, kernels take no part.
#include "tests/unit/plan/diff_one.hpp"

namespace fairlead {
namespace {

using namespace test;

LinkState bridge_state() {
  return {.index = {2},
          .name = "cni0",
          .kind = "bridge",
          .mac = mac("02:00:00:00:00:0a"),
          .mtu = 1500,
          .up = true};
}

LinkState veth_state() {
  return {.index = {3},
          .name = "veth1",
          .kind = "veth",
          .mac = mac("02:00:00:00:00:01"),
          .mtu = 1500,
          .up = true,
          .master = LinkIndex{2},
          .link = LinkIndex{2},
          .link_nsid = 0};
}

LinkState peer_state() {
  return {.index = {2},
          .name = "eth0",
          .kind = "veth",
          .mac = mac("02:00:00:00:00:02"),
          .mtu = 1500,
          .up = true,
          .link = LinkIndex{3},
          .link_nsid = 0};
}

// Links ------------------------------------------------------------------------------------------------

TEST(DiffLink, MissingBridgeIsCreatedWithEverythingInOneOp) {
  LinkSpec spec = bridge_spec("cni0");
  spec.up = true;
  spec.mtu = mtu(1450);
  spec.alias = "fairlead bridge";
  EXPECT_EQ(only(diff_one(WantLink{.spec = spec}, Observed::Link{}, true)), shared(CreateLink{spec}));
}

TEST(DiffLink, SharedBridgeKeepsItsOwnMacMtuAliasAndOptions) {
  LinkSpec spec = bridge_spec("cni0");
  spec.kind = BridgeLink{.vlan_filtering = true, .vlan_default_pvid = std::uint16_t{0}};
  spec.mac = mac("02:00:00:00:00:99");
  spec.mtu = mtu(1450);
  spec.alias = "fairlead bridge";
  spec.promisc = false;
  spec.up = true;
  LinkState state = bridge_state();
  state.promisc_flag = true;
  const auto plan = diff_one(WantLink{.spec = spec}, Observed::Link{.state = state}, true);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->empty());
}

TEST(DiffLink, SharedBridgeIsRaisedAndMadePromiscuous) {
  LinkSpec spec = bridge_spec("cni0");
  spec.up = spec.promisc = true;
  LinkState state = bridge_state();
  state.up = false;
  const Op op = only(diff_one(WantLink{.spec = spec}, Observed::Link{.state = state}, true));
  EXPECT_EQ(describe(op), "set cni0: promisc on, up");
  EXPECT_EQ(op.reason, "promisc is off, want on; is down, want up");
  EXPECT_TRUE(op.shared);
}

TEST(DiffLink, ForeignBridgeIsPinnedToTheMacItHasAndOursIsLeftAlone) {
  LinkSpec spec = bridge_spec("cni0");
  spec.alias = "fairlead bridge";
  const WantLink want{.spec = spec, .pin_mac = true};
  LinkState state = bridge_state();
  const Op op = only(diff_one(want, Observed::Link{.state = state}, true));
  EXPECT_EQ(describe(op), "set cni0: mac 02:00:00:00:00:0a");
  EXPECT_EQ(op.reason, "mac would follow the ports");
  state.alias = "fairlead bridge";
  EXPECT_TRUE(diff_one(want, Observed::Link{.state = state}, true)->empty());
}

TEST(DiffLink, AnotherKindUnderTheNameIsAnErrorWithARemedy) {
  LinkState state = veth_state();
  state.name = "cni0";
  const auto plan = diff_one(WantLink{.spec = bridge_spec("cni0")}, Observed::Link{.state = state}, true);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Errc::kExists);
  EXPECT_EQ(plan.error().what, "cni0 exists and is a veth, not a bridge");
  EXPECT_EQ(plan.error().remedy, "choose another name or delete cni0");
  state.kind = "";
  EXPECT_EQ(
      diff_one(WantLink{.spec = bridge_spec("cni0")}, Observed::Link{.state = state}, true).error().what,
      "cni0 exists and is a physical link, not a bridge");
}

TEST(DiffLink, FreshVethMustNotExistAtEitherEnd) {
  const WantLink want{.spec = veth_spec("veth1", "eth0"), .fresh = true};
  const auto inner = diff_one(want, Observed::Link{.peer = peer_state()});
  ASSERT_FALSE(inner);
  EXPECT_EQ(inner.error().code, Errc::kExists);
  EXPECT_EQ(inner.error().what, "eth0 exists already in the container");
  EXPECT_FALSE(inner.error().remedy.empty());
  const auto outer = diff_one(want, Observed::Link{.state = veth_state()});
  ASSERT_FALSE(outer);
  EXPECT_EQ(outer.error().what, "veth1 exists already on the host");
  EXPECT_EQ(only(diff_one(want, Observed::Link{})), host(CreateLink{want.spec}));
}

TEST(DiffLink, EachFieldOfAVethHasItsReason) {
  LinkSpec spec = veth_spec("veth1", "eth0");
  spec.mac = mac("02:00:00:00:00:01");
  spec.mtu = mtu(1500);
  spec.master = name("cni0");
  spec.alias = "a";
  spec.up = true;
  spec.port = {.hairpin = true, .isolated = false};
  const WantLink want{.spec = spec};
  Observed::Link seen{.state = veth_state(), .peer = peer_state(), .master = LinkIndex{2}};
  seen.state->alias = "a";
  seen.state->port.hairpin = true;
  ASSERT_TRUE(diff_one(want, seen)->empty());

  const auto broken = [&](auto damage) {
    Observed::Link damaged = seen;
    damage(*damaged.state);
    const Op op = only(diff_one(want, damaged));
    EXPECT_FALSE(op.shared);
    return describe(op) + " | " + op.reason;
  };
  EXPECT_EQ(broken([](LinkState& s) { s.mac = mac("02:00:00:00:00:77"); }),
            "set veth1: mac 02:00:00:00:00:01 | mac is 02:00:00:00:00:77, want 02:00:00:00:00:01");
  EXPECT_EQ(broken([](LinkState& s) { s.mtu = 1400; }), "set veth1: mtu 1500 | mtu is 1400, want 1500");
  EXPECT_EQ(broken([](LinkState& s) { s.up = false; }), "set veth1: up | is down, want up");
  EXPECT_EQ(broken([](LinkState& s) { s.alias = ""; }), "set veth1: alias 'a' | alias is '', want 'a'");
  EXPECT_EQ(broken([](LinkState& s) { s.port.hairpin = false; }),
            "set veth1: hairpin on | hairpin is off, want on");
  EXPECT_EQ(broken([](LinkState& s) { s.port.isolated = true; }),
            "set veth1: isolated off | isolated is on, want off");
  // An unplugged port has lost its options too.
  EXPECT_EQ(broken([](LinkState& s) { s.master.reset(), s.port = {}; }),
            "set veth1: master cni0, hairpin on, isolated off | has no master, want cni0");
  EXPECT_EQ(broken([](LinkState& s) { s.master = LinkIndex{9}; }),
            "set veth1: master cni0, hairpin on, isolated off | master is link #9, want cni0");
}

TEST(DiffLink, OptionsOfABridgeThatIsNotSharedAreCompared) {
  LinkSpec spec = bridge_spec("cni0");
  spec.kind = BridgeLink{.vlan_filtering = true, .vlan_default_pvid = 7};
  Observed::Link seen{.state = bridge_state()};
  seen.state->bridge = {.vlan_filtering = false, .vlan_default_pvid = 1};
  LinkSpec change = existing_spec("cni0");
  change.kind = spec.kind;
  const Op op = only(diff_one(WantLink{.spec = spec}, seen));
  EXPECT_EQ(op.action, Action(ChangeLink{change}));
  EXPECT_EQ(op.reason, "vlan_filtering is off, want on; vlan_default_pvid is 1, want 7");
  seen.state->bridge = std::get<BridgeLink>(spec.kind);
  EXPECT_TRUE(diff_one(WantLink{.spec = spec}, seen)->empty());
}

TEST(DiffLink, ForeignAliasesStayOnOneLine) {
  LinkSpec spec = bridge_spec("cni0");
  spec.alias = "ours";
  Observed::Link seen{.state = bridge_state()};
  seen.state->alias = "x\nERROR forged";
  EXPECT_EQ(only(diff_one(WantLink{.spec = spec}, seen)).reason,
            "alias is 'x\\x0aERROR forged', want 'ours'");
}

TEST(DiffLink, PeerIsComparedInItsOwnNamespace) {
  LinkSpec spec = veth_spec("veth1", "eth0");
  std::get<VethLink>(spec.kind).peer.mac = mac("02:00:00:00:00:02");
  std::get<VethLink>(spec.kind).peer.mtu = mtu(1500);
  Observed::Link seen{.state = veth_state(), .peer = peer_state()};
  ASSERT_TRUE(diff_one(WantLink{.spec = spec}, seen)->empty());
  seen.peer->mtu = 1400;
  const Op op = only(diff_one(WantLink{.spec = spec}, seen));
  EXPECT_EQ(op.side, Side::kContainer);
  EXPECT_EQ(describe(op), "set eth0 in the container: mtu 1500");
}

TEST(DiffLink, PeerIsKnownByItsIndicesNotByItsName) {
  const WantLink want{.spec = veth_spec("veth1", "eth0")};
  const auto refused = [&](auto damage) {
    Observed::Link seen{.state = veth_state(), .peer = peer_state()};
    damage(seen);
    const auto plan = diff_one(want, seen);
    return !plan && plan.error().code == Errc::kExists &&
           plan.error().what == "eth0 in the container exists and is not the peer of veth1";
  };
  EXPECT_TRUE(refused([](Observed::Link& seen) { seen.peer->index = {5}; }));
  EXPECT_TRUE(refused([](Observed::Link& seen) { seen.peer->link = LinkIndex{5}; }));
  EXPECT_TRUE(refused([](Observed::Link& seen) { seen.peer->link_nsid.reset(); }));
  EXPECT_TRUE(refused([](Observed::Link& seen) { seen.state->link_nsid.reset(); }));
}

TEST(DiffLink, VethWithoutItsPeerIsMadeAnew) {
  const auto plan =
      diff_one(WantLink{.spec = veth_spec("veth1", "eth0")}, Observed::Link{.state = veth_state()});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 2U);
  EXPECT_EQ(describe(plan->at(0)), "delete link veth1");
  EXPECT_EQ(describe(plan->at(1)), "create veth veth1 (peer eth0 in the container)");
  EXPECT_EQ(plan->at(1).reason, "its peer is not eth0 in the container");
}

TEST(DiffLink, ExistingLinkIsChangedAfterItsBirthInTheSamePlanOrMustBeThere) {
  LinkSpec inner = existing_spec("eth0");
  inner.up = inner.arp_notify = true;
  const Want veth{.item = WantLink{.spec = veth_spec("veth1", "eth0"), .fresh = true}};
  const Want peer{.side = Side::kContainer, .item = WantLink{.spec = inner}};
  const auto plan = diff({veth, peer}, Observed{{Observed::Link{}, Observed::Link{}}});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 2U);
  EXPECT_EQ(describe(plan->at(1)), "set eth0 in the container: arp_notify on, up");
  const auto alone = diff({peer}, Observed{{Observed::Link{}}});
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, Errc::kNotFound);
  EXPECT_EQ(alone.error().what, "link eth0 in the container does not exist");
}

TEST(DiffLink, WhatIsBornIsAwaitedAndAnnouncedWhereItIsWanted) {
  const Want veth{.item = WantLink{.spec = veth_spec("veth1", "eth0"), .fresh = true}};
  const Want port{.item = WantLink{.spec = existing_spec("veth1"), .operational = true}};
  const Want announced{
      .side = Side::kContainer,
      .item = WantLink{.spec = existing_spec("eth0"), .announce = *MacAddress::parse("02:00:00:00:00:02")}};
  const auto plan =
      diff({veth, port, announced}, Observed{{Observed::Link{}, Observed::Link{}, Observed::Link{}}});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 3U);
  EXPECT_EQ(describe(plan->at(1)), "wait until link veth1 is operational");
  EXPECT_EQ(describe(plan->at(2)), "set eth0 in the container: mac 02:00:00:00:00:02");
  EXPECT_EQ(plan->at(2).reason, "announces its addresses");
  EXPECT_EQ(undo_of(*plan, {}).size(), 1U) << "only the pair is to be undone";
  // CHECK: what is there already needs neither.
  const auto nothing =
      diff({port, announced},
           Observed{{Observed::Link{.state = veth_state()}, Observed::Link{.state = peer_state()}}});
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
}

// Routes -----------------------------------------------------------------------------------------------

Observed::Routes routes(std::vector<RouteSpec> list) {
  return {.links = {{"eth0", {2}}}, .routes = std::move(list)};
}

// The route as a kernel reports it: link by index, table, scope and protocol filled in.
RouteSpec reported(RouteSpec route) {
  for (NextHop& hop : route.hops) {
    hop.link.reset();
    hop.index = LinkIndex{2};
  }
  route.table = route.table.value_or(254);
  route.protocol = 3;
  if (route.destination.family() == IpFamily::kV4) {
    route.scope = route.scope.value_or(0);
  } else if (!route.priority) {
    route.priority = 1024;
  }
  return route;
}

Result<Plan> diff_route(const RouteSpec& want, std::vector<RouteSpec> is) {
  return diff_one(WantRoute{want}, routes(std::move(is)), false, Side::kContainer);
}

TEST(DiffRoute, IsSatisfiedByTheKernelsFormOfIt) {
  RouteSpec v4 = default_route("10.1.2.1", "eth0");
  EXPECT_TRUE(diff_route(v4, {reported(v4)})->empty());
  const RouteSpec v6 = default_route("fd00::1", "eth0");
  EXPECT_TRUE(diff_route(v6, {reported(v6)})->empty());
  v4.mtu = 1400;
  v4.advmss = 1360;
  v4.scope = 0;
  v4.table = 100;
  v4.source = ip("10.1.2.3");
  EXPECT_TRUE(diff_route(v4, {reported(v4)})->empty());
}

TEST(DiffRoute, AnythingThatMakesItAnotherRouteMeansAdding) {
  const RouteSpec want = default_route("10.1.2.1", "eth0");
  const auto missing = [&](auto damage) {
    RouteSpec other = reported(want);
    damage(other);
    return only(diff_route(want, {other})) == inside(AddRoute{want});
  };
  EXPECT_EQ(only(diff_route(want, {})), inside(AddRoute{want}));
  EXPECT_TRUE(missing([](RouteSpec& r) { r.destination = net("0.0.0.0/1"); }));
  EXPECT_TRUE(missing([](RouteSpec& r) { r.table = 100; }));
  EXPECT_TRUE(missing([](RouteSpec& r) { r.priority = 5; }));
  EXPECT_TRUE(missing([](RouteSpec& r) { r.hops[0].gateway = ip("10.1.2.2"); }));
  EXPECT_TRUE(missing([](RouteSpec& r) { r.hops[0].index = LinkIndex{3}; }));
  EXPECT_TRUE(missing([](RouteSpec& r) { r.hops.push_back(r.hops[0]); }));
}

TEST(DiffRoute, IsFoundInAnyTableWhereThatIsAllowed) {
  const RouteSpec want = default_route("10.1.2.1", "eth0");
  RouteSpec moved = reported(want);
  moved.table = 100;
  const auto plan =
      diff_one(WantRoute{.route = want, .any_table = true}, routes({moved}), false, Side::kContainer);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->empty());
}

TEST(DiffRoute, WrongAttributesMeanReplacingWithTheReason) {
  RouteSpec want = default_route("10.1.2.1", "eth0");
  want.mtu = 1400;
  want.source = ip("10.1.2.3");
  RouteSpec is = reported(want);
  is.mtu = 1500;
  is.source.reset();
  const auto plan = diff_route(want, {is});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 2U);
  EXPECT_EQ(describe(plan->at(0)),
            "remove route default via 10.1.2.1 dev eth0 table 254 scope 0 mtu 1500 in the container");
  EXPECT_EQ(plan->at(1).action, Action(AddRoute{want}));
  EXPECT_EQ(plan->at(1).reason, "mtu is 1500, want 1400; source is not set, want 10.1.2.3");
}

TEST(DiffRoute, Ipv6MetricZeroIs1024) {
  RouteSpec want = default_route("fd00::1", "eth0");
  want.priority = 0;
  RouteSpec is = reported(want);
  is.priority = 1024;
  EXPECT_TRUE(diff_route(want, {is})->empty());
  is.priority = 0;
  EXPECT_TRUE(diff_route(want, {is})->empty());
  is.priority = 256;
  EXPECT_FALSE(diff_route(want, {is})->empty());
}

TEST(DiffRoute, EcmpHopsMayStandInAnyOrder) {
  RouteSpec want{.destination = net("10.9.0.0/16"),
                 .hops = {{.gateway = ip("10.1.2.1"), .link = name("eth0")},
                          {.gateway = ip("10.1.2.2"), .link = name("eth0"), .weight = 2}}};
  RouteSpec is = reported(want);
  std::swap(is.hops[0], is.hops[1]);
  EXPECT_TRUE(diff_route(want, {is})->empty());
  is.hops[0].weight = 5;
  EXPECT_FALSE(diff_route(want, {is})->empty());
}

TEST(DiffRoute, Ipv6RoutesThatTheKernelJoinedSatisfyEachOfTheWanted) {
  const RouteSpec first = default_route("fd00::1", "eth0");
  const RouteSpec second = default_route("fd00::2", "eth0");
  RouteSpec joined = reported(first);
  joined.hops.push_back(reported(second).hops[0]);
  EXPECT_TRUE(diff_route(first, {joined})->empty());
  EXPECT_TRUE(diff_route(second, {joined})->empty());
  EXPECT_FALSE(diff_route(default_route("fd00::3", "eth0"), {joined})->empty());
}

TEST(DiffRoute, ByALinkThatIsNotThereIsAnError) {
  const auto plan =
      diff_one(WantRoute{default_route("10.1.2.1", "eth0")}, Observed::Routes{}, false, Side::kContainer);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Errc::kNotFound);
}

// Sysctls, elements and the whole ----------------------------------------------------------------------

TEST(DiffSysctl, WrongValueIsSetAndRemembered) {
  const WantSysctl want{.key = "net/ipv4/ip_forward", .value = "1"};
  const Op op = only(diff_one(want, Observed::Sysctl{"0"}, true));
  EXPECT_EQ(op.action, Action(SetSysctl{.key = "net/ipv4/ip_forward", .value = "1", .previous = "0"}));
  EXPECT_EQ(op.reason, "is 0, want 1");
  EXPECT_TRUE(diff_one(want, Observed::Sysctl{"1"}, true)->empty());
}

TEST(DiffSysctl, TheKernelsTabsAreNoDifference) {
  const WantSysctl want{.key = "net/ipv4/tcp_rmem", .value = "4096 131072 6291456"};
  EXPECT_TRUE(diff_one(want, Observed::Sysctl{"4096\t131072\t6291456"})->empty());
  EXPECT_EQ(diff_one(want, Observed::Sysctl{"4096\t131072\t6291457"})->size(), 1U);
}

TEST(DiffSysctl, MissingFileIsAnErrorUnlessOptional) {
  WantSysctl want{.key = "net/ipv6/conf/all/forwarding", .value = "1"};
  const auto plan = diff_one(want, Observed::Sysctl{});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Errc::kNotFound);
  want.optional = true;
  EXPECT_TRUE(diff_one(want, Observed::Sysctl{})->empty());
}

TEST(DiffSysctl, FileOfALinkThatThePlanMakesIsWrittenUnread) {
  const Desired desired{Want{.item = WantLink{.spec = veth_spec("veth1", "eth0"), .fresh = true}},
                        Want{.side = Side::kContainer,
                             .item = WantSysctl{.key = "net/ipv6/conf/eth0/accept_dad", .value = "0"}}};
  const auto plan = diff(desired, Observed{{Observed::Link{}, Observed::Sysctl{}}});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 2U);
  EXPECT_EQ(describe(plan->at(1)), "set net/ipv6/conf/eth0/accept_dad to 0 in the container");
  EXPECT_EQ(undo_of(*plan, {}), Plan{host(DeleteLink{name("veth1")})});
}

TEST(DiffElements, OnlyMissingOnesAreAddedBehindTheirTables) {
  const nft::TableSpec table{.name = "fairlead"};
  const nft::Element one{.set = {.table = "fairlead", .set = "s"}, .key = {1, 0, 0, 0}};
  const nft::Element two{.set = {.table = "fairlead", .set = "s"}, .key = {2, 0, 0, 0}};
  const WantElements want{.tables = {table}, .elements = {one, two}};
  EXPECT_TRUE(diff_one(want, Observed::Elements{{true, true}, {true}})->empty());
  EXPECT_EQ(*diff_one(want, Observed::Elements{{true, false}}),
            (Plan{shared(EnsureTable{table}), host(AddElement{two})}));
  EXPECT_EQ(diff_one(want, Observed::Elements{})->size(), 3U);
}

TEST(Diff, RefusesAnObservationOfSomethingElse) {
  EXPECT_EQ(diff({Want{.item = WantSysctl{}}}, Observed{}).error().code, Errc::kInternal);
  EXPECT_EQ(diff_one(WantSysctl{}, Observed::Routes{}).error().code, Errc::kInternal);
}

TEST(UndoOf, LeavesOutWhatTheDeletionOfAVethDoes) {
  const Plan plan{shared(CreateLink{bridge_spec("cni0")}),
                  host(CreateLink{veth_spec("veth1", "eth0")}),
                  inside(AddAddress{name("eth0"), {iface("10.1.2.3/24")}}),
                  inside(AddRoute{default_route("10.1.2.1", "eth0")}),
                  inside(SetSysctl{.key = "net/ipv4/conf/eth0/x", .value = "1", .previous = "0"}),
                  host(AddRoute{{.destination = net("10.7.0.0/16"), .hops = {{.link = name("cni0")}}}}),
                  host(AddElement{{.set = {.table = "t", .set = "s"}, .key = {1}}})};
  const Plan undo = undo_of(plan, {});
  ASSERT_EQ(undo.size(), 3U);
  EXPECT_EQ(describe(undo[0]), "remove element 0x01 from inet t s");
  EXPECT_EQ(describe(undo[1]), "remove route 10.7.0.0/16 dev cni0");
  EXPECT_EQ(describe(undo[2]), "delete link veth1");
}

TEST(UndoOf, TakesBackTheDoneAndTheUnknownOnly) {
  Plan plan;
  for (std::uint8_t key = 1; key <= 4; ++key)
    plan.push_back(host(AddElement{nft::Element{.set = {}, .key = {key}}}));
  std::vector<OpOutcome> outcomes(3);  // the fourth was never sent
  outcomes[0].status = OpStatus::kDone;
  outcomes[2].status = OpStatus::kUnknown;
  const Plan undo = undo_of(plan, outcomes);
  ASSERT_EQ(undo.size(), 2U);
  EXPECT_EQ(std::get<RemoveElement>(undo[0].action).element.key, nft::Bytes{3});
  EXPECT_EQ(std::get<RemoveElement>(undo[1].action).element.key, nft::Bytes{1});
}

}  // namespace
}  // namespace fairlead
