// The kernel's and nft(8)'s opinion on what the encoder sends: nft prints exactly to_text(), and what it
// prints can be loaded again.
#include "firewall/masquerade.hpp"
#include "firewall/tables.hpp"
#include "nft_fixture.hpp"

namespace fairlead::nft {

TableSpec everything(Family family) {
  const Bytes eth0 = KeyBuilder().ifname(link("eth0")).take();
  const std::int32_t base = family == Family::kBridge ? -200 : 0;
  TableSpec table{.family = family, .name = "everything", .layout = 7};
  table.sets = {{.name = "one", .key = {FieldType::kIfname}},
                {.name = "four", .key = {FieldType::kIpv4Addr}},
                {.name = "six", .key = {FieldType::kIpv6Addr, FieldType::kIfname}},
                {.name = "macs", .key = {FieldType::kIfname, FieldType::kEtherAddr}},
                {.name = "marks", .key = {FieldType::kMark}},
                {.name = "ports",
                 .key = {FieldType::kInetProto, FieldType::kInetService},
                 .data = {FieldType::kIpv4Addr, FieldType::kInetService}}};
  table.chains = {
      {.name = "plain"},
      {.name = "filter", .type = ChainType::kFilter, .hook = Hook::kForward, .priority = base},
      {.name = "early", .type = ChainType::kFilter, .hook = Hook::kPrerouting, .priority = base - 7},
      {.name = "odd", .type = ChainType::kFilter, .hook = Hook::kOutput, .priority = base + 30},
      {.name = "late", .type = ChainType::kFilter, .hook = Hook::kInput, .priority = base + 10}};
  const MetaLoad iif{MetaKey::kIifname}, oif{MetaKey::kOifname};
  const PayloadLoad saddr{PayloadField::kIpSaddr}, daddr6{PayloadField::kIp6Daddr};
  const Verdict accept{VerdictKind::kAccept}, drop{VerdictKind::kDrop};
  table.rules = {
      {"filter", {Lookup{.load = {iif}, .set = "one"}, accept}},
      {"filter", {Lookup{.load = {saddr}, .set = "four", .invert = true}, drop}, "a rule's comment"},
      {"filter", {Lookup{.load = {daddr6, oif}, .set = "six"}, Verdict{VerdictKind::kJump, "plain"}}},
      {"filter", {Lookup{.load = {iif, PayloadLoad{PayloadField::kEtherSaddr}}, .set = "macs"}, drop}},
      {"filter", {Lookup{.load = {MetaLoad{MetaKey::kMark}}, .set = "marks"}, accept}},
      {"filter", {Compare{.load = iif, .value = eth0}, Verdict{VerdictKind::kGoto, "plain"}}},
      {"early", {Compare{.load = oif, .value = eth0, .invert = true}, Verdict{VerdictKind::kReturn}}},
      {"early", {Compare{.load = saddr, .value = {10, 1, 2, 3}}, accept}},
      {"early",
       {Compare{
            .load = PayloadLoad{PayloadField::kIpDaddr}, .value = {10, 16, 0, 0}, .mask = {255, 240, 0, 0}},
        accept}},
      {"early",
       {Compare{.load = PayloadLoad{PayloadField::kIp6Saddr},
                .value = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        drop}},
      {"early", {Compare{.load = PayloadLoad{PayloadField::kEtherDaddr}, .value = {2, 0, 0, 0, 0, 9}}, drop}},
      {"plain", {Compare{.load = MetaLoad{MetaKey::kL4proto}, .value = {17}}, accept}},
      {"plain", {Compare{.load = PayloadLoad{PayloadField::kThDport}, .value = {0, 53}}, accept}},
      {"plain",
       {Compare{.load = PayloadLoad{PayloadField::kThSport}, .value = {0x1f, 0x90}, .invert = true}, accept}},
      {"plain",
       {Compare{.load = MetaLoad{MetaKey::kMark}, .value = {1, 0, 0, 0}, .mask = {0xff, 0, 0, 0}}, accept}},
      {"plain", {Compare{.load = MetaLoad{MetaKey::kMark}, .value = {0x10, 0, 0, 0}, .invert = true}, drop}}};
  if (family == Family::kInet) {
    table.rules.push_back({"plain", {Compare{.load = MetaLoad{MetaKey::kNfproto}, .value = {10}}, drop}});
  }
  return table;
}

namespace {

using NftText = NftTest;

void expect_listing_of(const TableSpec& table) {
  Channel channel = open_channel();
  const std::vector<Op> ops{ensure(table)};
  const auto outcomes = channel.apply(ops);
  ASSERT_TRUE(all_done(outcomes)) << text_of(outcomes);
  EXPECT_EQ(listing(), to_text(table));
  must_run("nft list ruleset > /run/saved && nft flush ruleset && nft -f /run/saved");
  EXPECT_EQ(listing(), to_text(table));
  must_run("nft -j list ruleset");
}

TEST_F(NftText, NftPrintsTheInetTableAsWeDo) { expect_listing_of(firewall::inet_table()); }
TEST_F(NftText, NftPrintsEveryInetFeatureAsWeDo) { expect_listing_of(everything(Family::kInet)); }
TEST_F(NftText, NftPrintsEveryBridgeFeatureAsWeDo) { expect_listing_of(everything(Family::kBridge)); }

TEST_F(NftText, ElementsPrintWithTheirCommentAndLoadAgain) {
  Channel channel = open_channel();
  const std::vector<IfaceAddress> addresses{*IfaceAddress::parse("10.1.2.3/24"),
                                            *IfaceAddress::parse("2001:db8::3/64")};
  std::vector<Op> ops{ensure(firewall::inet_table())};
  for (const Element& element : firewall::masquerade_elements(link("br0"), addresses, "K net/ctr/eth0")) {
    ops.push_back(add(element));
  }
  const auto outcomes = channel.apply(ops);
  ASSERT_TRUE(all_done(outcomes)) << text_of(outcomes);
  const std::string before = listing();
  for (const char* line : {"elements = { \"br0\" . 10.1.2.3 comment \"K net/ctr/eth0\" }",
                           "elements = { 10.1.2.3 . \"br0\" comment \"K net/ctr/eth0\" }",
                           "elements = { \"br0\" . 2001:db8::3 comment \"K net/ctr/eth0\" }",
                           "elements = { 2001:db8::3 . \"br0\" comment \"K net/ctr/eth0\" }"}) {
    EXPECT_NE(before.find(line), std::string::npos) << line << " in\n" << before;
  }
  must_run("nft list ruleset > /run/saved && nft flush ruleset && nft -f /run/saved");
  EXPECT_EQ(listing(), before);
  must_run("nft -j list ruleset > /run/saved.json && nft flush ruleset && nft -j -f /run/saved.json");
}

TEST_F(NftText, CommentsOfAnyBytesStayListable) {
  Channel channel = open_channel();
  Element element =
      firewall::masquerade_elements(link("br0"), std::vector{*IfaceAddress::parse("10.0.0.1/8")}, "")[0];
  element.comment = "quote\" newline\n invalid\xff umlaut\xc3\xa4 \\ " + std::string(200, 'x');
  const std::vector<Op> ops{ensure(firewall::inet_table()), add(element)};
  const auto outcomes = channel.apply(ops);
  ASSERT_TRUE(all_done(outcomes)) << text_of(outcomes);
  EXPECT_EQ(channel.elements(element.set)->at(0).comment, stored_comment(element.comment));
  must_run("nft list ruleset > /run/saved && nft flush ruleset && nft -f /run/saved");
  must_run("nft -j list ruleset > /run/saved.json && nft flush ruleset && nft -j -f /run/saved.json");
}

TEST_F(NftText, IptablesNftListsItsOwnTablesBesideOurs) {
  Channel channel = open_channel();
  const std::vector<Op> ops{ensure(firewall::inet_table())};
  ASSERT_TRUE(all_done(channel.apply(ops)));
  must_run("iptables-nft -t nat -A POSTROUTING -s 192.0.2.1 -j RETURN");
  EXPECT_NE(must_run("iptables-nft -t nat -S").find("192.0.2.1"), std::string::npos);
  EXPECT_NE(must_run("iptables-nft-save").find("192.0.2.1"), std::string::npos);
  must_run("ip6tables-nft -t nat -S && ip6tables-nft -S");
  must_run("iptables-nft -t nat -F && iptables-nft -F");
  EXPECT_NE(listing().find("masquerade"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::nft
