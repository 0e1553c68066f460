#include "nft/decide.hpp"

#include <gtest/gtest.h>

namespace fairlead::nft {
namespace {

using Kind = Command::Kind;
using Kinds = std::vector<Kind>;

const SetRef kSet{.family = Family::kInet, .table = "t", .set = "s"};
const TableKey kTable{Family::kInet, "t"};

TableSpec table(std::uint32_t layout = 1) {
  return {.name = "t", .layout = layout, .sets = {{.name = "s", .key = {FieldType::kInetProto}}}};
}
Element element(std::uint8_t key, std::string comment = "c") {
  return {.set = kSet, .key = {key}, .comment = std::move(comment)};
}
Op ensure(const TableSpec& spec) { return {.action = EnsureTable{spec}, .shared = true}; }
Op add(const Element& element) { return {.action = AddElement{element}}; }
Op remove(const Element& element) { return {.action = RemoveElement{element}}; }

Observed with(TableState state, const std::vector<Element>& elements = {}) {
  Observed observed;
  observed.tables[kTable] = state;
  for (const Element& one : elements) observed.elements.insert_or_assign({one.set, one.key}, one);
  return observed;
}
const TableState kMissing{};
const TableState kCurrent{.present = true, .layout = 1, .complete = true};

Kinds kinds(const Planned& plan) {
  Kinds result;
  for (const Command& command : plan.commands) result.push_back(command.kind);
  return result;
}

TEST(NftDecide, CreatesAMissingTableBeforeItsElements) {
  const std::vector<Op> ops{add(element(1)), ensure(table())};
  const Planned plan = decide(ops, with(kMissing));
  EXPECT_EQ(kinds(plan), (Kinds{Kind::kCreateTable, Kind::kAddElement}));
  EXPECT_EQ(plan.needs, (std::vector<std::size_t>{2, 1}));
}

TEST(NftDecide, SendsNothingWhenAllIsAsWanted) {
  const std::vector<Op> ops{ensure(table()), add(element(1)), remove(element(2))};
  const Planned plan = decide(ops, with(kCurrent, {element(1)}));
  EXPECT_TRUE(plan.commands.empty());
  EXPECT_EQ(plan.needs, (std::vector<std::size_t>{0, 0, 0}));
}

TEST(NftDecide, RemovesBeforeItAdds) {
  const std::vector<Op> ops{add(element(1)), remove(element(2))};
  const Planned plan = decide(ops, with(kCurrent, {element(2)}));
  EXPECT_EQ(kinds(plan), (Kinds{Kind::kRemoveElement, Kind::kAddElement}));
  EXPECT_EQ(plan.needs, (std::vector<std::size_t>{2, 1}));
}

TEST(NftDecide, ReplacesAnElementOfAnotherOwner) {
  const std::vector<Op> ops{add(element(1, "new"))};
  const Planned plan = decide(ops, with(kCurrent, {element(1, "old")}));
  EXPECT_EQ(kinds(plan), (Kinds{Kind::kRemoveElement, Kind::kAddElement}));
  EXPECT_EQ(plan.needs, std::vector<std::size_t>{2});
}

TEST(NftDecide, ComparesCommentsAsTheyAreStored) {
  const std::vector<Op> ops{add(element(1, "a\nb"))};
  EXPECT_TRUE(decide(ops, with(kCurrent, {element(1, "a?b")})).commands.empty());
}

TEST(NftDecide, TheLastOpOnAKeyDecidesAndAllOfThemWaitForIt) {
  const std::vector<Op> ops{remove(element(1)), add(element(1, "new")), add(element(2)), remove(element(2))};
  const Planned plan = decide(ops, with(kCurrent, {element(1, "old")}));
  EXPECT_EQ(kinds(plan), (Kinds{Kind::kRemoveElement, Kind::kAddElement}));
  EXPECT_EQ(plan.needs, (std::vector<std::size_t>{2, 2, 0, 0}));
}

TEST(NftDecide, AReplacementCarriesOverWhatNoOpNames) {
  Observed observed = with({.present = true, .layout = 1, .complete = true}, {element(1), element(2, "old")});
  observed.old_elements = {element(1), element(2, "old"), element(3)};
  const std::vector<Op> ops{ensure(table(2)), remove(element(1)), add(element(2, "new"))};
  const Planned plan = decide(ops, observed);
  EXPECT_EQ(kinds(plan), (Kinds{Kind::kReplaceTable, Kind::kAddElement, Kind::kAddElement}));
  EXPECT_EQ(plan.commands[1].element, element(3));
  EXPECT_EQ(plan.commands[2].element, element(2, "new"));
  EXPECT_EQ(plan.needs, (std::vector<std::size_t>{2, 0, 3}));
}

TEST(NftDecide, AReplacementDropsTheSetsThatTheNewLayoutLacks) {
  Observed observed = with({.present = true, .layout = 1, .complete = true});
  Element gone = element(1);
  gone.set.set = "gone";
  observed.old_elements = {gone};
  EXPECT_EQ(kinds(decide(std::vector{ensure(table(2))}, observed)), Kinds{Kind::kReplaceTable});
}

TEST(NftDecide, AReplacementRefusesElementsThatDoNotFit) {
  Observed observed = with({.present = true, .layout = 1, .complete = true});
  Element other = element(1);
  other.key.resize(4);
  observed.old_elements = {other};
  const Planned plan = decide(std::vector{ensure(table(2))}, observed);
  ASSERT_TRUE(plan.refused);
  EXPECT_EQ(plan.refused->second.what, "set s of table inet t: its elements do not fit into layout 2");
}

TEST(NftDecide, ReplacesADamagedTable) {
  EXPECT_EQ(
      kinds(decide(std::vector{ensure(table())}, with({.present = true, .layout = 1, .complete = false}))),
      Kinds{Kind::kReplaceTable});
}

TEST(NftDecide, LeavesNewerAndForeignTablesAlone) {
  const std::vector<Op> ops{remove(element(1)), ensure(table(2))};
  const Planned newer = decide(ops, with({.present = true, .layout = 3, .complete = false}, {element(1)}));
  ASSERT_TRUE(newer.refused);
  EXPECT_EQ(newer.refused->first, 1U);
  EXPECT_EQ(newer.refused->second.code, Errc::kUnsupported);
  const Planned foreign = decide(ops, with({.present = true, .layout = 0, .complete = false}));
  ASSERT_TRUE(foreign.refused);
  EXPECT_EQ(foreign.refused->second.code, Errc::kExists);
}

TEST(NftDecide, RefusesOpsOfOtherChannels) {
  const std::vector<Op> ops{{.action = DeleteLink{*LinkName::parse("br0")}}};
  const Planned plan = decide(ops, {});
  ASSERT_TRUE(plan.refused);
  EXPECT_EQ(plan.refused->second.code, Errc::kInternal);
}

// What another program made: the jumps go before the chain they lead to, a rule once.
TEST(Decide, RemovesTheJumpsAndThenTheChain) {
  const ChainRef base{.family = Family::kIp, .table = "nat", .chain = "POSTROUTING"};
  const ChainRef chain{.family = Family::kIp, .table = "nat", .chain = "CNI-1"};
  const std::vector ops{Op{.action = RemoveChain{chain, "POSTROUTING"}},
                        Op{.action = RemoveChain{chain, "POSTROUTING"}},
                        Op{.action = RemoveRules{base, "name"}}};
  Observed observed;
  EXPECT_TRUE(decide(ops, observed).commands.empty()) << "nothing is there";
  observed.chains[chain] = {};
  observed.chains[base] = {{.handle = 4, .jumps_to = "CNI-2"},
                           {.handle = 5, .jumps_to = "CNI-1"},
                           {.handle = 6, .jumps_to = "CNI-1", .comment = "name"},
                           {.handle = 7, .comment = "another name"}};
  const Planned plan = decide(ops, observed);
  ASSERT_FALSE(plan.refused);
  EXPECT_EQ(kinds(plan), (Kinds{Kind::kRemoveRule, Kind::kRemoveRule, Kind::kRemoveChain}));
  EXPECT_EQ(plan.commands[0].rule, 5U);
  EXPECT_EQ(plan.commands[1].rule, 6U);
  EXPECT_EQ(plan.commands[2].chain, chain);
  EXPECT_EQ(kinds(decide(std::vector{ops[2]}, observed)), Kinds{Kind::kRemoveRule});
}

TEST(Decide, NamesTheRulesThatKeepAChain) {
  const RemoveChain removal{{.family = Family::kIp, .table = "nat", .chain = "CNI-1"}, "POSTROUTING"};
  const Error refusal{.code = Errc::kBusy, .what = "EBUSY"};
  std::vector<RuleState> rules{{.handle = 4, .chain = "POSTROUTING", .jumps_to = "CNI-1"},
                               {.handle = 5, .chain = "mine", .jumps_to = "CNI-2"},
                               {.handle = 6, .chain = "CNI-1"}};
  const Error unknown = with_users(refusal, removal, rules);
  EXPECT_EQ(unknown.what, "EBUSY");
  EXPECT_EQ(unknown.remedy, "nft list table ip nat shows what refers to it; if nothing does, try again");

  rules.push_back({.handle = 7, .chain = "mine", .jumps_to = "CNI-1"});
  rules.push_back({.handle = 8, .chain = "his", .jumps_to = "CNI-1"});
  const Error known = with_users(refusal, removal, rules);
  EXPECT_EQ(known.code, Errc::kBusy);
  EXPECT_EQ(known.what, "EBUSY (it is jumped to from chain his, mine)");
  EXPECT_EQ(known.remedy, "nft delete rule ip nat mine handle 7; nft delete rule ip nat his handle 8");

  for (std::uint64_t handle = 9; handle < 12; ++handle) {
    rules.push_back({.handle = handle, .chain = "hers", .jumps_to = "CNI-1"});
  }
  EXPECT_EQ(with_users(refusal, removal, rules).what,
            "EBUSY (it is jumped to from chain hers, his, mine and 2 more rules)");
}

}  // namespace
}  // namespace fairlead::nft
