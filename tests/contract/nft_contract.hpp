// What every Kernel promises about tables and elements, in cases that run on the real one and on FakeKernel
// alike; a Factory as in kernel_contract.hpp.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fairlead/kernel.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::test {

template <class Factory>
class NftContract : public ::testing::Test {
 protected:
  using Flags = std::vector<bool>;

  Kernel& kernel() { return factory_.kernel(); }
  void must(const std::vector<Op>& ops) {
    for (const OpOutcome& outcome : kernel().apply(ops)) {
      ASSERT_EQ(outcome.status, OpStatus::kDone) << (outcome.error ? outcome.error->to_string() : "not sent");
    }
  }
  Flags has(const std::vector<nft::Element>& elements) {
    auto found = kernel().has_elements(elements);
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : Flags();
  }
  bool has_table(const nft::TableSpec& table) {
    auto found = kernel().has_tables(std::vector{table});
    EXPECT_TRUE(found) << found.error().to_string();
    return found && found->at(0);
  }
  std::vector<nft::Element> all(const std::string& set) {
    auto found = kernel().elements({.table = "t", .set = set});
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : std::vector<nft::Element>();
  }

  static nft::TableSpec table(std::uint32_t layout = 1) {
    return {.name = "t",
            .layout = layout,
            .sets = {{.name = "set", .key = {nft::FieldType::kIpv4Addr}},
                     {.name = "map", .key = {nft::FieldType::kIpv4Addr}, .data = {nft::FieldType::kMark}}},
            .chains = {{.name = "c"}},
            .rules = {{"c", {nft::Verdict{nft::VerdictKind::kAccept}}}}};
  }
  static nft::Element in_set(std::uint8_t key, const std::string& comment) {
    return {.set = {.table = "t", .set = "set"}, .key = {10, 0, 0, key}, .comment = comment};
  }
  static nft::Element in_map(std::uint8_t key, std::uint8_t data) {
    return {.set = {.table = "t", .set = "map"}, .key = {10, 0, 0, key}, .data = {0, 0, 0, data}};
  }

 private:
  Factory factory_;
};

TYPED_TEST_SUITE_P(NftContract);

TYPED_TEST_P(NftContract, AnElementIsThereWithItsDataAndItsComment) {
  EXPECT_EQ(this->has({this->in_set(1, "a")}), std::vector{false});
  this->must({on_host(EnsureTable{this->table()}), on_host(AddElement{this->in_set(1, "a")}),
              on_host(AddElement{this->in_map(1, 7)})});
  EXPECT_EQ(this->has({this->in_set(1, "a"), this->in_set(1, "b"), this->in_set(2, "a"), this->in_map(1, 7),
                       this->in_map(1, 8), this->in_map(2, 7)}),
            (std::vector{true, false, false, true, false, false}));
  nft::Element nowhere = this->in_set(1, "a");
  nowhere.set.set = "none";
  EXPECT_EQ(this->has({nowhere}), std::vector{false});
}

TYPED_TEST_P(NftContract, CommentsAreComparedAsTheyAreStored) {
  const std::string comment = "a\nb" + std::string(200, 'c');
  this->must({on_host(EnsureTable{this->table()}), on_host(AddElement{this->in_set(1, comment)})});
  EXPECT_EQ(this->has({this->in_set(1, comment), this->in_set(1, nft::stored_comment(comment))}),
            (std::vector{true, true}));
  EXPECT_EQ(this->all("set"), std::vector{this->in_set(1, nft::stored_comment(comment))});
}

TYPED_TEST_P(NftContract, AddingTakesAnElementOverFromAnotherOwner) {
  this->must({on_host(EnsureTable{this->table()}), on_host(AddElement{this->in_set(1, "a")}),
              on_host(AddElement{this->in_map(1, 7)})});
  this->must({on_host(AddElement{this->in_set(1, "b")}), on_host(AddElement{this->in_map(1, 8)})});
  EXPECT_EQ(this->all("set"), std::vector{this->in_set(1, "b")});
  EXPECT_EQ(this->all("map"), std::vector{this->in_map(1, 8)});
}

TYPED_TEST_P(NftContract, ATableIsThereWithItsLayoutItsChainsAndItsRules) {
  EXPECT_FALSE(this->has_table(this->table()));
  this->must({on_host(EnsureTable{this->table(2)}), on_host(AddElement{this->in_set(1, "a")})});
  EXPECT_TRUE(this->has_table(this->table(2)));
  EXPECT_TRUE(this->has_table(this->table(1)));  // a newer version's business
  EXPECT_FALSE(this->has_table(this->table(3)));
  nft::TableSpec more_rules = this->table(2), more_chains = this->table(2);
  more_rules.rules.push_back(more_rules.rules[0]);
  more_chains.chains.push_back({.name = "d"});
  EXPECT_FALSE(this->has_table(more_rules));
  EXPECT_FALSE(this->has_table(more_chains));
  nft::TableSpec other = this->table(2);
  other.name = "u";
  EXPECT_FALSE(this->has_table(other));
}

TYPED_TEST_P(NftContract, AnIncompleteOrOlderTableIsReplacedAroundItsElements) {
  this->must({on_host(EnsureTable{this->table()}), on_host(AddElement{this->in_set(1, "a")}),
              on_host(AddElement{this->in_map(1, 7)})});
  nft::TableSpec more_rules = this->table();
  more_rules.rules.push_back(more_rules.rules[0]);
  this->must({on_host(EnsureTable{more_rules})});
  EXPECT_TRUE(this->has_table(more_rules));
  EXPECT_EQ(this->has({this->in_set(1, "a"), this->in_map(1, 7)}), (std::vector{true, true}));
  nft::TableSpec newer = this->table(2);
  newer.sets.pop_back();
  this->must({on_host(EnsureTable{newer})});
  EXPECT_EQ(this->has({this->in_set(1, "a"), this->in_map(1, 7)}), (std::vector{true, false}));
}

TYPED_TEST_P(NftContract, ANewerTableIsRefused) {
  this->must({on_host(EnsureTable{this->table(2)})});
  const auto outcomes = this->kernel().apply(
      std::vector{on_host(EnsureTable{this->table(1)}), on_host(AddElement{this->in_set(1, "a")})});
  ASSERT_TRUE(outcomes[0].error.has_value());
  EXPECT_EQ(outcomes[0].error->code, Errc::kUnsupported);
  EXPECT_EQ(outcomes[1].status, OpStatus::kNotDone);
  EXPECT_TRUE(this->all("set").empty());
}

TYPED_TEST_P(NftContract, AFailedTransactionClaimsNothing) {
  this->must({on_host(EnsureTable{this->table()}), on_host(AddElement{this->in_set(1, "a")})});
  nft::Element nowhere = this->in_set(2, "a");
  nowhere.set.set = "none";
  const auto outcomes = this->kernel().apply(
      std::vector{on_host(EnsureTable{this->table()}), on_host(AddElement{this->in_set(1, "a")}),
                  on_host(AddElement{this->in_set(3, "a")}), on_host(AddElement{nowhere})});
  for (const OpOutcome& outcome : outcomes) EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(outcomes[3].error.has_value());
  EXPECT_EQ(outcomes[3].error->code, Errc::kNotFound);
  EXPECT_EQ(this->all("set"), std::vector{this->in_set(1, "a")});
}

TYPED_TEST_P(NftContract, RemovingWhatIsNotThereSucceeds) {
  this->must({on_host(RemoveElement{this->in_set(1, "a")})});
  this->must({on_host(EnsureTable{this->table()}), on_host(AddElement{this->in_set(1, "a")})});
  this->must({on_host(RemoveElement{this->in_set(1, "a")}), on_host(RemoveElement{this->in_set(2, "a")})});
  EXPECT_TRUE(this->all("set").empty());
}

TYPED_TEST_P(NftContract, RemovesAChainWithItsRulesAndTheJumpsToIt) {
  const auto jump = [](const char* from, const char* to, const char* comment) {
    return nft::RuleSpec{from, {nft::Verdict{nft::VerdictKind::kJump, to}}, comment};
  };
  const auto accept = [](const char* chain, const char* comment) {
    return nft::RuleSpec{chain, {nft::Verdict{nft::VerdictKind::kAccept}}, comment};
  };
  nft::TableSpec table{.name = "t",
                       .chains = {{.name = "base"}, {.name = "gone"}, {.name = "stays"}},
                       .rules = {jump("base", "gone", "a"), accept("gone", "a"), jump("base", "stays", "b"),
                                 jump("base", "gone", "c"), accept("stays", "b")}};
  this->must({on_host(EnsureTable{table})});
  const auto gone = [](const char* chain, const char* from) {
    return on_host(RemoveChain{.chain = {.table = "t", .chain = chain}, .jumps_from = from});
  };
  this->must({gone("gone", "base"), gone("none", "base")});
  nft::TableSpec left = table;
  EXPECT_FALSE(this->has_table(left));
  std::erase_if(left.chains, [](const nft::ChainSpec& chain) { return chain.name == "gone"; });
  left.rules = {jump("base", "stays", "b"), accept("stays", "b")};
  EXPECT_TRUE(this->has_table(left));

  const auto outcomes = this->kernel().apply(std::vector{gone("stays", "none")});
  ASSERT_TRUE(outcomes[0].error) << "something else jumps to it";
  EXPECT_EQ(outcomes[0].error->code, Errc::kBusy) << outcomes[0].error->to_string();
  EXPECT_TRUE(this->has_table(left));
}

TYPED_TEST_P(NftContract, AChainThatIsUsedElsewhereCostsNothingOfOurs) {
  const auto jump = [](const char* from) {
    return nft::RuleSpec{from, {nft::Verdict{nft::VerdictKind::kJump, "used"}}};
  };
  const nft::TableSpec others{.name = "u",
                              .chains = {{.name = "base"}, {.name = "used"}, {.name = "elsewhere"}},
                              .rules = {jump("base"), jump("elsewhere")}};
  this->must({on_host(EnsureTable{others}), on_host(EnsureTable{this->table()}),
              on_host(AddElement{this->in_set(1, "a")}), on_host(AddElement{this->in_set(2, "a")})});
  const std::vector removals{
      on_host(RemoveElement{this->in_set(1, "a")}),
      on_host(RemoveChain{.chain = {.table = "u", .chain = "used"}, .jumps_from = "base"}),
      on_host(RemoveElement{this->in_set(2, "a")})};
  const auto outcomes = this->kernel().apply(removals);
  EXPECT_EQ(outcomes[0].status, OpStatus::kDone);
  EXPECT_EQ(outcomes[2].status, OpStatus::kDone);
  EXPECT_EQ(outcomes[1].status, OpStatus::kNotDone);
  ASSERT_TRUE(outcomes[1].error);
  EXPECT_EQ(outcomes[1].error->code, Errc::kBusy);
  EXPECT_TRUE(this->all("set").empty());
  EXPECT_TRUE(this->has_table(others)) << "its removal is not done in part";
}

TYPED_TEST_P(NftContract, RemovesTheRulesWhoseCommentBeginsSo) {
  const auto accept = [](const char* comment) {
    return nft::RuleSpec{"c", {nft::Verdict{nft::VerdictKind::kAccept}}, comment};
  };
  nft::TableSpec table{.name = "t",
                       .chains = {{.name = "c"}},
                       .rules = {accept("one, a"), accept("two, b"), accept("one, c")}};
  this->must({on_host(EnsureTable{table})});
  const auto remove = [](const char* chain, const char* comment) {
    return on_host(RemoveRules{.chain = {.table = "t", .chain = chain}, .comment_prefix = comment});
  };
  this->must({remove("c", "one"), remove("none", "one"), remove("c", "three")});
  nft::TableSpec left = table;
  left.rules = {accept("two, b")};
  EXPECT_TRUE(this->has_table(left));
  left.rules.push_back(accept("two, b"));
  EXPECT_FALSE(this->has_table(left));
}

REGISTER_TYPED_TEST_SUITE_P(NftContract, AnElementIsThereWithItsDataAndItsComment,
                            CommentsAreComparedAsTheyAreStored, AddingTakesAnElementOverFromAnotherOwner,
                            ATableIsThereWithItsLayoutItsChainsAndItsRules,
                            AnIncompleteOrOlderTableIsReplacedAroundItsElements, ANewerTableIsRefused,
                            AFailedTransactionClaimsNothing, RemovingWhatIsNotThereSucceeds,
                            RemovesAChainWithItsRulesAndTheJumpsToIt,
                            AChainThatIsUsedElsewhereCostsNothingOfOurs, RemovesTheRulesWhoseCommentBeginsSo);

}  // namespace fairlead::test
