// What is refused before a message is built, and that what is not refused fits into the room it gets.
#include <gtest/gtest.h>

#include "nft/encode.hpp"
#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

const SetRef kSet{.family = Family::kInet, .table = "t", .set = "s"};
const std::string kLongest(255, 'n');
const std::string kTooLong(256, 'n');

Element element(std::uint8_t key) { return {.set = kSet, .key = {key}, .comment = "c"}; }
TableSpec with_rule(Expr expr, std::string chain = "c") {
  return {.name = "t", .rules = {{.chain = std::move(chain), .exprs = {std::move(expr)}}}};
}
TableSpec with_set(std::vector<FieldType> key, std::vector<FieldType> data = {}) {
  return {.name = "t", .sets = {{.name = "s", .key = std::move(key), .data = std::move(data)}}};
}
const MetaLoad kIif{MetaKey::kIifname};
const PayloadLoad kSaddr{PayloadField::kIpSaddr};

TEST(NftMalformed, ReportsWhatNoMessageCanHold) {
  EXPECT_FALSE(malformed(element(1)));
  Element one = element(1);
  one.key.clear();
  EXPECT_TRUE(malformed(one));
  one.key.resize(65);
  EXPECT_TRUE(malformed(one));
  one = element(1);
  one.data.resize(65);
  EXPECT_TRUE(malformed(one));
  one = element(1);
  one.set.set.clear();
  EXPECT_TRUE(malformed(one));
  one.set.set.assign(256, 's');
  EXPECT_TRUE(malformed(one));
  one.set.set = std::string("a\0b", 3);
  EXPECT_TRUE(malformed(one));
}

TEST(NftMalformed, RulesNameSetsAndChainsThatCanExist) {
  EXPECT_FALSE(malformed(with_rule(Lookup{.load = {kSaddr}, .set = kLongest})));
  EXPECT_FALSE(malformed(with_rule(Verdict{VerdictKind::kGoto, kLongest})));
  for (const std::string& name : {std::string(), kTooLong, std::string(40'000, 'n'), std::string("a\0", 2)}) {
    EXPECT_TRUE(malformed(with_rule(Lookup{.load = {kSaddr}, .set = name})));
    EXPECT_TRUE(malformed(with_rule(Verdict{VerdictKind::kJump, name})));
    EXPECT_TRUE(malformed(with_rule(Verdict{VerdictKind::kAccept}, name)));
  }
  EXPECT_TRUE(malformed(with_rule(Verdict{VerdictKind::kAccept, "c"})));
  const auto error = malformed(with_rule(Lookup{.load = {kSaddr}, .set = kTooLong}));
  EXPECT_EQ(error->code, Errc::kInvalid);
  EXPECT_EQ(error->what, "table inet t: the set of a lookup has a name of 1 to 255 bytes");
}

TEST(NftMalformed, LoadsFitIntoTheRegisters) {
  EXPECT_FALSE(malformed(with_rule(Lookup{.load = {4, Load(kIif)}, .set = "s"})));
  EXPECT_TRUE(malformed(with_rule(Lookup{.load = {5, Load(kIif)}, .set = "s"})));
  EXPECT_TRUE(malformed(with_rule(Lookup{.load = {}, .set = "s"})));
}

TEST(NftMalformed, ValuesAndMasksAreAsLongAsTheirField) {
  EXPECT_FALSE(malformed(with_rule(Compare{.load = kSaddr, .value = {10, 0, 0, 0}})));
  EXPECT_FALSE(malformed(with_rule(Compare{.load = kSaddr, .value = {10, 0, 0, 0}, .mask = Bytes(4, 255)})));
  EXPECT_TRUE(malformed(with_rule(Compare{.load = kSaddr, .value = {}})));
  EXPECT_TRUE(malformed(with_rule(Compare{.load = kSaddr, .value = Bytes(40'000, 1)})));
  EXPECT_TRUE(malformed(with_rule(Compare{.load = kSaddr, .value = Bytes(4, 1), .mask = Bytes(3, 1)})));
}

TEST(NftMalformed, ARuleHasAsManyExpressionsAsTheKernelTakes) {
  TableSpec table = with_rule(Verdict{VerdictKind::kAccept});
  table.rules[0].exprs.assign(128, Masquerade{});
  EXPECT_FALSE(malformed(table));
  table.rules[0].exprs.emplace_back(Masquerade{});
  EXPECT_TRUE(malformed(table));
  EXPECT_TRUE(malformed(with_rule(Lookup{.load = {1'000'000, Load(kSaddr)}, .set = "s"})));
}

TEST(NftMalformed, ASetHasAKeyThatTheKernelTakes) {
  EXPECT_FALSE(malformed(with_set({4, FieldType::kIfname}, {FieldType::kMark})));
  EXPECT_TRUE(malformed(with_set({})));
  EXPECT_TRUE(malformed(with_set({5, FieldType::kIfname})));
  EXPECT_TRUE(malformed(with_set({6, FieldType::kMark})));
  EXPECT_TRUE(malformed(with_set({FieldType::kMark}, {6, FieldType::kMark})));
}

TEST(NftMalformed, TheTableCommentHoldsTheWholeLayout) {
  TableSpec table{.name = std::string(118, 't'), .layout = 7};  // and " layout 7"
  EXPECT_FALSE(malformed(table));
  EXPECT_EQ(layout_of(table.name, layout_comment(table.name, 7)), 7U);
  table.layout = 10;
  EXPECT_TRUE(malformed(table));
  EXPECT_TRUE(malformed(TableSpec{.name = std::string(240, 't')}));
  EXPECT_TRUE(malformed(TableSpec{.name = "t", .layout = 0}));
}

/// The lengths of the messages that make the table.
std::vector<std::size_t> lengths(const TableSpec& table) {
  const Command command{.kind = Command::Kind::kCreateTable, .op = 0, .table = &table};
  Transaction transaction;
  encode_command(command, 0, 1, &transaction);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < transaction.infos.size(); ++i) {
    found.push_back(transaction.buffer.message(i)->nlmsg_len);
  }
  return found;
}

TEST(NftMalformed, TheLargestRulesFitIntoTheirRoom) {  // else ASan sees a write past the buffer
  TableSpec table{.name = std::string(118, 't')};
  for (const Expr& expr : {Expr(Verdict{VerdictKind::kJump, kLongest}),
                           Expr(Lookup{.load = {4, Load(kIif)}, .set = kLongest, .invert = true}),
                           Expr(Compare{.load = kIif, .value = Bytes(16, 1), .mask = Bytes(16, 1)})}) {
    RuleSpec rule{.chain = kLongest, .exprs = {}, .comment = kTooLong};
    do {
      rule.exprs.push_back(expr);
    } while (kernel_expressions(rule) <= kKernelExpressionsMax);
    rule.exprs.pop_back();
    table.rules.push_back(rule);
  }
  ASSERT_FALSE(malformed(table));
  const auto found = lengths(table);
  for (std::size_t i = 0; i < table.rules.size(); ++i) {
    EXPECT_LE(found[1 + i], 2048 + 320 * kernel_expressions(table.rules[i]));
  }
}

TEST(NftText, SaysHowLongAValueIsThatIsNone) {
  const std::string text =
      to_text({.name = "t",
               .chains = {{.name = "c"}},
               .rules = {{"c", {Compare{.load = kSaddr, .value = {}}}},
                         {"c", {Compare{.load = PayloadLoad{PayloadField::kThDport}, .value = {1}}}}}});
  EXPECT_NE(text.find("ip saddr (0 bytes)"), std::string::npos) << text;
  EXPECT_NE(text.find("th dport (1 bytes)"), std::string::npos) << text;
}

}  // namespace
}  // namespace fairlead::nft
