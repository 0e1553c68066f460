// Plans carried out on a model of the kernel, and every way in which that can go wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "fairlead/deadline.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/unit/plan/wants.hpp"

namespace fairlead {
namespace {

using namespace test;

nft::TableSpec masq_table() {
  return {.name = "fairlead",
          .sets = {{.name = "masq4", .key = {nft::FieldType::kIfname, nft::FieldType::kIpv4Addr}},
                   {.name = "masq6", .key = {nft::FieldType::kIfname, nft::FieldType::kIpv6Addr}}},
          .chains = {{.name = "postrouting"}},
          .rules = {{"postrouting", {nft::Masquerade{}}}}};
}

nft::Element masq(const char* set, const std::string& address) {
  return {.set = {.table = "fairlead", .set = set},
          .key = nft::KeyBuilder().ifname(name("cni0")).address(ip(address)).take(),
          .comment = "net/c1/eth0"};
}

// A dual-stack attachment to a bridge with gateway and masquerade, as the bridge driver wants it. The
// number tells attachments apart.
Desired attachment(std::uint8_t n, bool fresh = true) {
  const std::string v4 = "10.1.2." + std::to_string(n);
  const std::string v6 = "fd00:1::" + std::to_string(n);
  LinkSpec bridge = bridge_spec("cni0");
  bridge.mac = mac("02:00:00:00:00:fe");
  bridge.up = true;
  bridge.alias = "fairlead bridge";
  LinkSpec veth = veth_spec("veth" + std::to_string(n), "eth0");
  veth.mtu = mtu(1450);
  veth.mac = MacAddress({2, 0, 0, 0, 0, n});
  veth.master = name("cni0");
  veth.port = {.hairpin = true, .isolated = std::nullopt};
  veth.alias = "fairlead net/c/eth0";
  veth.up = true;
  VethPeer& peer = std::get<VethLink>(veth.kind).peer;
  peer.mac = MacAddress({2, 0, 0, 0, 1, n});
  peer.mtu = mtu(1450);
  LinkSpec inner = existing_spec("eth0");
  inner.up = inner.arp_notify = true;

  const auto gateway = [](const char* text) {
    return Want{.shared = true,
                .item = WantAddress{
                    .link = name("cni0"), .address = {iface(text)}, .conflict = AddressConflict::kRefuse}};
  };
  const auto forwarding = [](const char* key) {
    return Want{.shared = true, .item = WantSysctl{.key = key, .value = "1", .optional = true}};
  };
  const auto inside_address = [](const std::string& text) {
    return Want{.side = Side::kContainer,
                .item = WantAddress{.link = name("eth0"), .address = {iface(text)}}};
  };
  const auto inside_route = [](const char* gw) {
    return Want{.side = Side::kContainer, .item = WantRoute{default_route(gw, "eth0")}};
  };
  return {Want{.shared = true, .item = WantLink{.spec = bridge}},
          gateway("10.1.2.254/24"),
          gateway("fd00:1::fe/64"),
          forwarding("net/ipv4/ip_forward"),
          forwarding("net/ipv6/conf/all/forwarding"),
          Want{.item = WantLink{.spec = veth, .fresh = fresh}},
          Want{.side = Side::kContainer,
               .item = WantSysctl{.key = "net/ipv6/conf/eth0/accept_dad", .value = "0", .optional = true}},
          Want{.side = Side::kContainer, .item = WantLink{.spec = inner}},
          inside_address(v4 + "/24"),
          inside_address(v6 + "/64"),
          inside_route("10.1.2.254"),
          inside_route("fd00:1::fe"),
          Want{.item = WantElements{.tables = {masq_table()},
                                    .elements = {masq("masq4", v4), masq("masq6", v6)}}}};
}

Plan plan_for(Kernel& kernel, const Desired& desired, bool skip_container = false) {
  const auto observed = observe(kernel, desired, skip_container);
  EXPECT_TRUE(observed) << observed.error().to_string();
  if (!observed) return {};
  auto plan = diff(desired, *observed);
  EXPECT_TRUE(plan) << plan.error().to_string();
  return plan ? *std::move(plan) : Plan{};
}

void attach(Kernel& kernel, std::uint8_t n) {
  const auto done = apply_plan(kernel, plan_for(kernel, attachment(n)));
  ASSERT_TRUE(done) << done.error().to_string();
}

std::string listing(const Plan& plan) {
  std::string text;
  for (const Op& op : plan) text += describe(op) + " | " + op.reason + "\n";
  return text;
}

TEST(Plan, OfAFirstAttachmentStandsInTheOrderOfTheWants) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  std::string text;
  for (const Op& op : plan_for(kernel, attachment(2))) text += describe(op) + "\n";
  EXPECT_EQ(text,
            "create bridge cni0\n"
            "add address 10.1.2.254/24 to cni0\n"
            "add address fd00:1::fe/64 to cni0\n"
            "set net/ipv4/ip_forward to 1\n"
            "set net/ipv6/conf/all/forwarding to 1\n"
            "create veth veth2 (peer eth0 in the container)\n"
            "set net/ipv6/conf/eth0/accept_dad to 0 in the container\n"
            "set eth0 in the container: arp_notify on, up\n"
            "add address 10.1.2.2/24 to eth0 in the container\n"
            "add address fd00:1::2/64 to eth0 in the container\n"
            "add route default via 10.1.2.254 dev eth0 in the container\n"
            "add route default via fd00:1::fe dev eth0 in the container\n"
            "ensure table inet fairlead\n"
            "add element cni0 . 10.1.2.2 to inet fairlead masq4 (net/c1/eth0)\n"
            "add element cni0 . fd00:1::2 to inet fairlead masq6 (net/c1/eth0)\n");
}

TEST(Plan, IsEmptyOnceItHasBeenCarriedOut) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  attach(kernel, 2);
  EXPECT_EQ(listing(plan_for(kernel, attachment(2, false))), "");
}

TEST(Plan, IsTheSameWithTheContainerSideUnasked) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  const Plan asked = plan_for(kernel, attachment(2));
  kernel.clear_record();
  EXPECT_EQ(plan_for(kernel, attachment(2), true), asked);
  for (const std::string& query : kernel.queries()) {
    EXPECT_EQ(query.find("container"), std::string::npos) << query;
  }
}

TEST(Plan, OfASecondAttachmentLeavesTheSharedThingsAlone) {
  FakeHost host;
  FakeKernel first(host, host.add_namespace());
  attach(first, 2);
  FakeKernel second(host, host.add_namespace());
  for (const Op& op : plan_for(second, attachment(3))) {
    // The skeleton is looked at in the transaction of the elements.
    EXPECT_EQ(op.shared, std::holds_alternative<EnsureTable>(op.action)) << describe(op);
  }
  attach(second, 3);
  EXPECT_EQ(listing(plan_for(first, attachment(2, false))), "");
}

TEST(Plan, TakesOverTheElementThatAnotherAttachmentLeftBehind) {
  FakeHost host;
  FakeKernel gone(host, host.add_namespace());
  attach(gone, 2);
  Desired wants = attachment(2, false);
  auto& elements = std::get<WantElements>(wants.back().item).elements;
  for (nft::Element& element : elements) element.comment = "net/c2/eth0";
  const Plan plan = plan_for(gone, wants);
  EXPECT_EQ(plan.size(), 3U) << listing(plan);
  EXPECT_EQ(undo_of(plan, {}).size(), 2U);
  ASSERT_EQ(gone.apply(plan).back().status, OpStatus::kDone);
  EXPECT_EQ(listing(plan_for(gone, wants)), "");
  EXPECT_EQ(gone.elements(elements[0].set)->at(0).comment, "net/c2/eth0");
}

TEST(Plan, RepairsATableThatLostItsRules) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  attach(kernel, 2);
  host.flush_rules();
  const Plan plan = plan_for(kernel, attachment(2, false));
  EXPECT_EQ(listing(plan), "ensure table inet fairlead | missing, incomplete or of an older layout\n");
  ASSERT_EQ(kernel.apply(plan).back().status, OpStatus::kDone);
  EXPECT_EQ(listing(plan_for(kernel, attachment(2, false))), "");
}

TEST(Observe, AsksAFixedNumberOfQuestionsAndNeverListsLinks) {
  const auto queries = [](std::uint8_t attached) {
    FakeHost host;
    for (std::uint8_t n = 1; n <= attached; ++n) {
      FakeKernel other(host, host.add_namespace());
      attach(other, n);
    }
    FakeKernel kernel(host, host.add_namespace());
    (void)plan_for(kernel, attachment(200));
    return kernel.queries();
  };
  const auto one = queries(1);
  EXPECT_EQ(one.size(), queries(40).size());
  for (const std::string& query : one) {
    EXPECT_EQ(query.find("dump"), std::string::npos) << query;
    EXPECT_EQ(query.find("every link"), std::string::npos) << query;
  }
  // Each link is asked for once, though the bridge is wanted, a master, and the owner of two addresses.
  EXPECT_EQ(std::count(one.begin(), one.end(), "link host cni0"), 1);
}

TEST(Observe, PassesOnTheErrorOfEachQuery) {
  for (std::size_t nth = 0;; ++nth) {
    FakeHost host;
    FakeKernel kernel(host, host.add_namespace());
    attach(kernel, 2);
    kernel.clear_record();
    kernel.fail_query(nth);
    const auto observed = observe(kernel, attachment(2, false));
    if (observed) {
      EXPECT_EQ(nth, kernel.queries().size());  // the fault lies behind the last query
      EXPECT_GT(nth, 8U);
      return;
    }
    EXPECT_EQ(observed.error().code, Errc::kIo);
  }
}

// Each sabotage, and the one op that repairs it, with its reason.
TEST(Plan, NamesEachSabotageInOneOpWithItsReason) {
  struct Sabotage {
    const char* what;
    std::function<void(FakeHost&, FakeHost::Ns)> damage;
    const char* op_and_reason;
  };
  const auto change = [](const char* link, auto set) {
    LinkSpec spec = existing_spec(link);
    set(spec);
    return spec;
  };
  const FakeHost::Ns h = FakeHost::kHostNs;
  const Sabotage sabotages[] = {
      {"address gone", [](FakeHost& host, auto c) { host.remove_address(c, "eth0", iface("fd00:1::2/64")); },
       "add address fd00:1::2/64 to eth0 in the container | \n"},
      {"gateway address gone",
       [&](FakeHost& host, auto) { host.remove_address(h, "cni0", iface("10.1.2.254/24")); },
       "add address 10.1.2.254/24 to cni0 | \n"},
      {"route gone",
       [](FakeHost& host, auto c) { host.remove_route(c, default_route("10.1.2.254", "eth0")); },
       "add route default via 10.1.2.254 dev eth0 in the container | \n"},
      {"host end down",
       [&](FakeHost& host, auto) { host.change_link(h, change("veth2", [](LinkSpec& s) { s.up = false; })); },
       "set veth2: up | is down, want up\n"},
      {"mtu",
       [&](FakeHost& host, auto) {
         host.change_link(h, change("veth2", [](LinkSpec& s) { s.mtu = mtu(1400); }));
       },
       "set veth2: mtu 1450 | mtu is 1400, want 1450\n"},
      {"container's mtu",
       [&](FakeHost& host, auto c) {
         host.change_link(c, change("eth0", [](LinkSpec& s) { s.mtu = mtu(1400); }));
       },
       "set eth0 in the container: mtu 1450 | mtu is 1400, want 1450\n"},
      {"container's mac",
       [&](FakeHost& host, auto c) {
         host.change_link(c, change("eth0", [](LinkSpec& s) { s.mac = mac("02:00:00:00:00:77"); }));
       },
       "set eth0 in the container: mac 02:00:00:00:01:02 | mac is 02:00:00:00:00:77, want "
       "02:00:00:00:01:02\n"},
      {"port unplugged", [&](FakeHost& host, auto) { host.unplug(h, "veth2"); },
       "set veth2: master cni0, hairpin on | has no master, want cni0\n"},
      {"hairpin off",
       [&](FakeHost& host, auto) {
         host.change_link(h, change("veth2", [](LinkSpec& s) { s.port.hairpin = false; }));
       },
       "set veth2: hairpin on | hairpin is off, want on\n"},
      {"forwarding off", [&](FakeHost& host, auto) { host.set_sysctl(h, "net/ipv4/ip_forward", "0"); },
       "set net/ipv4/ip_forward to 1 | is 0, want 1\n"},
      {"container's sysctl",
       [](FakeHost& host, auto c) { host.set_sysctl(c, "net/ipv6/conf/eth0/accept_dad", "1"); },
       "set net/ipv6/conf/eth0/accept_dad to 0 in the container | is 1, want 0\n"},
      {"element gone", [](FakeHost& host, auto) { host.remove_element(masq("masq4", "10.1.2.2")); },
       "ensure table inet fairlead | \n"
       "add element cni0 . 10.1.2.2 to inet fairlead masq4 (net/c1/eth0) | \n"},
  };
  for (const Sabotage& sabotage : sabotages) {
    FakeHost host;
    const FakeHost::Ns container = host.add_namespace();
    FakeKernel kernel(host, container);
    attach(kernel, 2);
    const std::string healthy = host.dump();
    sabotage.damage(host, container);
    EXPECT_NE(host.dump(), healthy) << sabotage.what;
    const Plan repair = plan_for(kernel, attachment(2, false));
    EXPECT_EQ(listing(repair), sabotage.op_and_reason) << sabotage.what;
    EXPECT_TRUE(apply_plan(kernel, repair)) << sabotage.what;
    EXPECT_EQ(host.dump(), healthy) << sabotage.what;
  }
}

TEST(Plan, RepairsAContainerLinkThatWentDownWithAllThatWentWithIt) {
  FakeHost host;
  const FakeHost::Ns container = host.add_namespace();
  FakeKernel kernel(host, container);
  attach(kernel, 2);
  const std::string healthy = host.dump();
  LinkSpec down = existing_spec("eth0");
  down.up = false;
  host.change_link(container, down);
  ASSERT_TRUE(apply_plan(kernel, plan_for(kernel, attachment(2, false))));
  EXPECT_EQ(host.dump(), healthy);
}

TEST(Plan, RestoresAFlushedRuleset) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  attach(kernel, 2);
  const std::string healthy = host.dump();
  host.drop_tables();
  ASSERT_TRUE(apply_plan(kernel, plan_for(kernel, attachment(2, false))));
  EXPECT_EQ(host.dump(), healthy);
}

// Faults -----------------------------------------------------------------------------------------------

constexpr Fault kFaults[] = {Fault::kRefused, Fault::kRefusedAmong, Fault::kAckLost};

TEST(Apply, UndoesEverythingWhicheverOpFailsInWhicheverWay) {
  for (const Fault fault : kFaults) {
    std::size_t ops = 1;
    for (std::size_t nth = 0; nth < ops; ++nth) {
      FakeHost host;
      FakeKernel other(host, host.add_namespace());
      attach(other, 2);
      FakeKernel kernel(host, host.add_namespace());
      const std::string before = host.dump();
      const Plan plan = plan_for(kernel, attachment(3));
      ops = plan.size();
      kernel.fail(nth, fault);
      const auto result = apply_plan(kernel, plan);
      ASSERT_FALSE(result) << describe(plan[nth]);
      EXPECT_FALSE(kernel.fault_is_pending());
      EXPECT_EQ(result.error().what, describe(plan[nth]) + ": EIO: Input/output error");
      EXPECT_TRUE(result.error().secondary.empty()) << result.error().to_string();
      EXPECT_EQ(host.dump(), before) << describe(plan[nth]);
    }
    EXPECT_GT(ops, 8U);
  }
}

TEST(Apply, LeavesNothingButSharedThingsOfAFirstAttachment) {
  for (const Fault fault : kFaults) {
    std::size_t ops = 1;
    for (std::size_t nth = 0; nth < ops; ++nth) {
      FakeHost host;
      FakeKernel kernel(host, host.add_namespace());
      FakeHost expected = host;
      const Plan plan = plan_for(kernel, attachment(3));
      ops = plan.size();
      kernel.fail(nth, fault);
      ASSERT_FALSE(apply_plan(kernel, plan)) << describe(plan[nth]);
      // The same host on which only the shared ops happened that did happen.
      FakeKernel only_shared(expected, std::nullopt);
      for (const Op& op : kernel.carried_out()) {
        if (!op.shared) continue;
        EXPECT_TRUE(apply_plan(only_shared, {op})) << describe(op);
      }
      EXPECT_EQ(host.dump(), expected.dump()) << describe(plan[nth]);
      // And a second try succeeds.
      attach(kernel, 3);
      EXPECT_EQ(listing(plan_for(kernel, attachment(3, false))), "");
    }
    EXPECT_EQ(ops, 15U);
  }
}

TEST(Apply, ReportsTheErrorsOfTheUndoBesideTheFirst) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  const Plan plan{Op{.action = CreateLink{veth_spec("veth1", "eth0")}},
                  inside(AddAddress{name("eth1"), {iface("10.1.2.3/24")}})};
  kernel.fail(2, Fault::kRefused);  // the third op is the first of the undo
  const auto result = apply_plan(kernel, plan);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, "add address 10.1.2.3/24 to eth1 in the container: ENODEV: No such device");
  ASSERT_EQ(result.error().secondary.size(), 1U);
  EXPECT_EQ(result.error().secondary[0].what, "delete link veth1: EIO: Input/output error");
}

TEST(Apply, NamesWhatItsUndoLeftBehindAndTriesItThoughTheDeadlineHasPassed) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  const Plan plan{Op{.action = CreateLink{veth_spec("veth1", "eth0")}},
                  inside(AddAddress{name("eth1"), {iface("10.1.2.3/24")}})};
  kernel.fail_from(1, Fault::kRefused);
  Plan left;
  ASSERT_FALSE(apply_plan(kernel, plan, &left));
  EXPECT_EQ(left, Plan{Op{.action = DeleteLink{name("veth1")}}});
  EXPECT_NE(host.at(0).find("veth1"), nullptr);

  FakeKernel retry(host);
  EXPECT_TRUE(unwind(retry, left).empty());
  EXPECT_EQ(host.at(0).find("veth1"), nullptr);

  ASSERT_TRUE(Deadline::after(std::chrono::milliseconds(0)).arm());
  while (!Deadline::passed()) {
  }
  {
    const Deadline::Pause pause;
    EXPECT_FALSE(Deadline::passed());
  }
  EXPECT_EQ(Deadline::check("x").error().what, "x: the deadline has passed");
  Deadline::disarm();
}

TEST(Apply, RestoresTheAddressThatWasReplaced) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  ASSERT_TRUE(apply_plan(kernel, {Op{.action = CreateLink{bridge_spec("cni0")}},
                                  Op{.action = AddAddress{name("cni0"), {iface("10.0.0.1/8")}}},
                                  Op{.action = AddAddress{name("cni0"), {iface("10.0.0.2/8")}}}}));
  const Desired desired{Want{.shared = true,
                             .item = WantAddress{.link = name("cni0"),
                                                 .address = {iface("10.1.2.1/24")},
                                                 .conflict = AddressConflict::kReplace}},
                        Want{.item = WantLink{.spec = veth_spec("veth1", "eth0"), .fresh = true}}};
  const Plan plan = plan_for(kernel, desired);
  ASSERT_EQ(plan.size(), 4U);
  kernel.fail(3, Fault::kRefused);
  ASSERT_FALSE(apply_plan(kernel, plan));
  std::vector<std::string> left;
  for (const AddressState& address : host.at(0).find("cni0")->addresses)
    left.push_back(address.address.to_string());
  EXPECT_EQ(left, (std::vector<std::string>{"10.0.0.1/8", "10.0.0.2/8"}));
}

TEST(Apply, OfNothingAsksNothing) {
  FakeHost host;
  FakeKernel kernel(host);
  EXPECT_TRUE(apply_plan(kernel, {}));
  EXPECT_TRUE(kernel.queries().empty());
}

TEST(Unwind, GoesOnPastErrorsAndTakesMissingThingsForRemoved) {
  FakeHost host;
  FakeKernel kernel(host, host.add_namespace());
  attach(kernel, 2);
  const Plan removals{Op{.action = RemoveElement{masq("masq4", "10.1.2.99")}},  // was never there
                      Op{.action = RemoveElement{masq("masq4", "10.1.2.2")}},
                      Op{.action = DeleteLink{name("gone")}},
                      Op{.action = RemoveAddress{name("cni0"), iface("10.1.2.254/24")}},  // will fail
                      inside(RemoveRoute{default_route("10.9.9.9", "eth0")}),             // was never there
                      Op{.action = DeleteLink{name("veth2")}}};
  kernel.fail(3, Fault::kRefused);
  const auto errors = unwind(kernel, removals);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].what, "remove address 10.1.2.254/24 from cni0: EIO: Input/output error");
  EXPECT_EQ(host.at(0).find("veth2"), nullptr);
  EXPECT_EQ(host.element(masq("masq4", "10.1.2.2")), nullptr);
}

TEST(Unwind, TakesAWholeAttachmentBackTwice) {
  FakeHost host;
  FakeKernel other(host, host.add_namespace());
  attach(other, 2);
  const std::string before = host.dump();
  const FakeHost::Ns container = host.add_namespace();
  const std::string with_container = host.dump();
  FakeKernel kernel(host, container);
  const Plan plan = plan_for(kernel, attachment(3));
  ASSERT_TRUE(apply_plan(kernel, plan));
  EXPECT_TRUE(unwind(kernel, undo_of(plan, {})).empty());
  EXPECT_EQ(host.dump(), with_container);
  EXPECT_TRUE(unwind(kernel, undo_of(plan, {})).empty());
  host.remove_namespace(container);
  EXPECT_EQ(host.dump(), before);
}

}  // namespace
}  // namespace fairlead
