// diff() on addresses: which conflict, and in what order they are replaced.
#include "tests/unit/plan/diff_one.hpp"

namespace fairlead {
namespace {

using namespace test;

Observed::Addresses addresses(std::initializer_list<const char*> texts) {
  Observed::Addresses seen{.link_exists = true};
  for (const char* text : texts) seen.addresses.push_back({.link = {2}, .address = iface(text)});
  return seen;
}

WantAddress want_address(const char* text, AddressConflict conflict = AddressConflict::kKeep) {
  return {.link = name("cni0"), .address = {iface(text)}, .conflict = conflict};
}

TEST(DiffAddress, MissingOneIsAddedPresentOneIsNot) {
  EXPECT_EQ(only(diff_one(want_address("10.1.2.1/24"), addresses({"10.9.9.9/24"}))),
            host(AddAddress{name("cni0"), {iface("10.1.2.1/24")}}));
  EXPECT_TRUE(diff_one(want_address("10.1.2.1/24"), addresses({"10.9.9.9/24", "10.1.2.1/24"}))->empty());
  EXPECT_EQ(diff_one(want_address("10.1.2.1/24"), Observed::Addresses{}).error().code, Errc::kNotFound);
}

TEST(DiffAddress, OtherIpv4AddressIsRefusedAndNamed) {
  const auto plan =
      diff_one(want_address("10.1.2.3/16", AddressConflict::kRefuse), addresses({"10.0.0.1/8"}), true);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Errc::kExists);
  EXPECT_EQ(plan.error().what, "cni0 has the address 10.0.0.1/8, which conflicts with 10.1.2.3/16");
  EXPECT_NE(plan.error().remedy.find("forceAddress"), std::string::npos);
}

TEST(DiffAddress, Ipv6ConflictsOnlyWhereNetworksOverlap) {
  const auto verdict = [](const char* want, const char* is) {
    return diff_one(want_address(want, AddressConflict::kRefuse), addresses({is}), true).has_value();
  };
  EXPECT_TRUE(verdict("2001:db8:1::1/64", "2001:db8:2::1/64"));
  EXPECT_FALSE(verdict("2001:db8:1::1/64", "2001:db8:1::2/64"));
  EXPECT_FALSE(verdict("2001:db8:1::1/64", "2001:db8::1/32"));
  EXPECT_FALSE(verdict("2001:db8::1/32", "2001:db8:1::1/64"));
  EXPECT_TRUE(verdict("fe80::1/64", "fe80::a:b/64"));
  EXPECT_TRUE(verdict("2001:db8::1/64", "10.0.0.1/8"));
}

TEST(DiffAddress, PresentGatewayIsNoConflictWhateverElseIsThere) {
  EXPECT_TRUE(diff_one(want_address("10.1.2.1/24", AddressConflict::kRefuse),
                       addresses({"10.9.0.1/16", "10.1.2.1/24"}))
                  ->empty());
}

TEST(DiffAddress, TwoWantedOnOneLinkDoNotConflictWithEachOther) {
  const Desired desired{Want{.shared = true, .item = want_address("10.1.2.1/24", AddressConflict::kReplace)},
                        Want{.shared = true, .item = want_address("10.1.3.1/24", AddressConflict::kReplace)}};
  const auto seen = addresses({"10.1.2.1/24"});
  EXPECT_EQ(only(diff(desired, Observed{{seen, seen}})),
            shared(AddAddress{name("cni0"), {iface("10.1.3.1/24")}}));
}

TEST(DiffAddress, ReplacedOnesGoBehindTheNewOneInReverseAndComeBackOnUndo) {
  const auto plan = diff_one(want_address("10.1.2.1/24", AddressConflict::kReplace),
                             addresses({"10.0.0.1/8", "10.0.0.2/8", "fd00::1/64"}), true);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 3U);
  EXPECT_EQ(describe(plan->at(0)), "add address 10.1.2.1/24 to cni0");
  EXPECT_EQ(describe(plan->at(1)), "remove address 10.0.0.2/8 from cni0");
  EXPECT_EQ(describe(plan->at(2)), "remove address 10.0.0.1/8 from cni0");
  EXPECT_EQ(plan->at(1).reason, "in the way of 10.1.2.1/24");
  // The replaced ones are restored, primary first, before the new one goes.
  const Plan undo = undo_of(*plan, {});
  ASSERT_EQ(undo.size(), 3U);
  EXPECT_EQ(describe(undo[0]), "add address 10.0.0.1/8 to cni0");
  EXPECT_EQ(describe(undo[1]), "add address 10.0.0.2/8 to cni0");
  EXPECT_EQ(describe(undo[2]), "remove address 10.1.2.1/24 from cni0");
}

// The new one would be a secondary address, which dies with its primary; IPv6 has no such thing, but refuses
// an address with two prefix lengths.
TEST(DiffAddress, ReplacedOnesOfTheSameNetworkGoFirst) {
  const auto order = [](const char* want, std::initializer_list<const char*> seen) {
    std::string text;
    const auto plan = diff_one(want_address(want, AddressConflict::kReplace), addresses(seen), true);
    for (const Op& op : *plan) text += describe(op).substr(0, describe(op).find('/')) + "\n";
    return text;
  };
  EXPECT_EQ(order("10.1.2.1/24", {"10.0.0.1/8", "10.1.2.9/24", "10.1.2.8/24", "10.1.2.1/16"}),
            "remove address 10.1.2.8\nremove address 10.1.2.9\nadd address 10.1.2.1\n"
            "remove address 10.1.2.1\nremove address 10.0.0.1\n");
  EXPECT_EQ(order("fd00::1/64", {"fd00::2/64", "fd00::1/48"}),
            "remove address fd00::1\nremove address fd00::2\nadd address fd00::1\n");
}

TEST(DiffAddress, ARemovalRemembersWhatTheAddressWas) {
  auto seen = addresses({"10.0.0.1/8"});
  seen.addresses[0].attributes = {
      .scope = 253, .label = "cni0:1", .lifetime = AddressLifetime{.valid = 7200, .preferred = 3600}};
  const auto plan = diff_one(want_address("10.1.2.1/24", AddressConflict::kReplace), seen, true);
  ASSERT_TRUE(plan);
  EXPECT_EQ(undo_of(*plan, {}).at(0),
            host(AddAddress{name("cni0"),
                            {.address = iface("10.0.0.1/8"), .attributes = seen.addresses[0].attributes}}));
}

TEST(DiffAddress, AnotherPrefixLengthCountsAsWrong) {
  const auto v4 = diff_one(want_address("10.1.2.1/24"), addresses({"10.1.2.1/16"}));
  ASSERT_EQ(v4->size(), 2U);
  EXPECT_EQ(describe(v4->at(0)),
            "add address 10.1.2.1/24 to cni0");  // first: the last address takes the routes along
  EXPECT_EQ(describe(v4->at(1)), "remove address 10.1.2.1/16 from cni0");
  EXPECT_EQ(v4->at(0).reason, "prefix length is 16, want 24");
  const auto v6 = diff_one(want_address("fd00::1/64"), addresses({"fd00::1/128"}));
  ASSERT_EQ(v6->size(), 2U);
  EXPECT_EQ(describe(v6->at(0)), "remove address fd00::1/128 from cni0");
  EXPECT_EQ(describe(v6->at(1)), "add address fd00::1/64 to cni0");
}

TEST(DiffAddress, OneThatFailedDuplicateDetectionIsMadeAnew) {
  auto seen = addresses({"fd00::1/64"});
  seen.addresses[0].dad_failed = true;
  const auto plan = diff_one(want_address("fd00::1/64"), seen);
  ASSERT_EQ(plan->size(), 2U);
  EXPECT_EQ(describe(plan->at(0)), "remove address fd00::1/64 from cni0");
  EXPECT_EQ(plan->at(1).reason, "duplicate address detection failed");
}

}  // namespace
}  // namespace fairlead
