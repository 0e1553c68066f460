// Removal of what other programs made, as iptables-nft and people with nft(8) leave it.
#include "nft_fixture.hpp"

namespace fairlead::nft {
namespace {

using NftForeign = NftTest;

constexpr const char* kChain = "CNI-0e62cb2c1e3289e916512729";
const SetRef kOurs{.family = Family::kInet, .table = "t", .set = "addresses"};

TableSpec our_table() {
  return {.name = "t", .sets = {{.name = "addresses", .key = {FieldType::kIpv4Addr}}}};
}
Element our_element() { return {.set = kOurs, .key = {10, 0, 0, 1}, .comment = "owner net/ctr/eth0"}; }
Op remove_chain() {
  return {.action = RemoveChain{.chain = {.family = Family::kIp, .table = "nat", .chain = kChain},
                                .jumps_from = "POSTROUTING"}};
}

/// What ipMasq of the reference makes by way of iptables-nft.
void masquerade_with_iptables() {
  const std::string comment = R"( -m comment --comment 'name: "net" id: "ctr"')";
  const std::string nat = "iptables-nft -t nat ";
  must_run(nat + "-N " + kChain + " && " + nat + "-A " + kChain + " -d 10.0.0.0/24 -j ACCEPT" + comment +
           " && " + nat + "-A " + kChain + " ! -d 224.0.0.0/4 -j MASQUERADE" + comment + " && " + nat +
           "-A POSTROUTING -s 10.0.0.1 -j " + kChain + comment);
}

TEST_F(NftForeign, AChainOfIptablesGoesWithItsRulesAndItsJump) {
  masquerade_with_iptables();
  Channel channel = open_channel();
  const auto outcomes = channel.apply(std::vector{remove_chain()});
  EXPECT_TRUE(all_done(outcomes)) << text_of(outcomes);
  EXPECT_EQ(count(listing(), kChain), 0U) << listing();
}

// As two interfaces of one container on one network leave it: the chain is that of both.
TEST_F(NftForeign, AChainOfTwoInterfacesGoesWithBothJumps) {
  masquerade_with_iptables();
  must_run(std::string("iptables-nft -t nat -A POSTROUTING -s 10.0.0.2 -j ") + kChain);
  Channel channel = open_channel();
  const auto outcomes = channel.apply(std::vector{remove_chain()});
  EXPECT_TRUE(all_done(outcomes)) << text_of(outcomes);
  EXPECT_EQ(count(listing(), kChain), 0U) << listing();
}

// The kernel refuses to delete a chain that is jumped to, and a transaction is refused as a whole.
TEST_F(NftForeign, AChainThatIsUsedElsewhereStaysAloneAndTheErrorNamesTheRule) {
  masquerade_with_iptables();
  must_run(std::string("nft add chain ip nat mine && nft add rule ip nat mine ip daddr 192.0.2.1 jump ") +
           kChain);
  Channel channel = open_channel();
  const auto made = channel.apply(std::vector{ensure(our_table()), add(our_element())});
  ASSERT_TRUE(all_done(made)) << text_of(made);

  const auto outcomes = channel.apply(std::vector{remove_chain(), remove(our_element())});
  EXPECT_TRUE(channel.elements(kOurs)->empty()) << text_of(outcomes);
  EXPECT_EQ(outcomes[1].status, OpStatus::kDone);
  EXPECT_EQ(outcomes[0].status, OpStatus::kNotDone);
  ASSERT_TRUE(outcomes[0].error);
  EXPECT_EQ(outcomes[0].error->code, Errc::kBusy);
  EXPECT_NE(outcomes[0].error->what.find(kChain), std::string::npos) << outcomes[0].error->what;
  EXPECT_NE(outcomes[0].error->what.find("(it is jumped to from chain mine)"), std::string::npos)
      << outcomes[0].error->what;
  EXPECT_EQ(count(listing(), kChain), 3U) << "the chain and both jumps:\n" << listing();

  // The remedy is a command, and it is one.
  must_run(outcomes[0].error->remedy);
  const auto again = channel.apply(std::vector{remove_chain()});
  EXPECT_TRUE(all_done(again)) << text_of(again);
  EXPECT_EQ(count(listing(), kChain), 0U) << listing();
}

TEST_F(NftForeign, AChainThatAVerdictMapUsesIsNotBlamedOnARule) {
  masquerade_with_iptables();
  must_run("nft add map ip nat users '{ type ipv4_addr : verdict; elements = { 192.0.2.1 : jump " +
           std::string(kChain) + " }; }'");
  Channel channel = open_channel();
  const auto outcomes = channel.apply(std::vector{remove_chain()});
  ASSERT_TRUE(outcomes[0].error);
  EXPECT_EQ(outcomes[0].error->code, Errc::kBusy);
  EXPECT_EQ(outcomes[0].error->remedy,
            "nft list table ip nat shows what refers to it; if nothing does, try again");
}

}  // namespace
}  // namespace fairlead::nft
