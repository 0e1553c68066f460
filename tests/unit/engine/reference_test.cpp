// DEL of what the reference plugins attached, on a model of the host.
#include "firewall/reference_rules.hpp"
#include "firewall/tables.hpp"
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

/// iptables-nft's table with the masquerading of some containers.
nft::TableSpec nat_table(nft::Family family, const std::vector<std::string>& containers) {
  nft::TableSpec table{.family = family, .name = "nat", .chains = {{.name = "POSTROUTING"}}};
  for (const std::string& container : containers) {
    const std::string chain = firewall::reference_chain("net", container);
    table.chains.push_back({.name = chain});
    table.rules.push_back({"POSTROUTING", {nft::Verdict{nft::VerdictKind::kJump, chain}}});
    table.rules.push_back({chain, {nft::Masquerade{}}});
  }
  return table;
}

TEST_F(Attach, DetachWithoutARecordRemovesTheReferencesMasquerading) {
  for (const nft::Family family : {nft::Family::kIp, nft::Family::kIp6}) {
    ASSERT_FALSE(host_.ensure_table(nat_table(family, {"c1", "c2"})));
  }
  ASSERT_TRUE(detach(context("c1", ""), source_));
  for (const nft::Family family : {nft::Family::kIp, nft::Family::kIp6}) {
    EXPECT_FALSE(host_.has_table(nat_table(family, {"c1"})));
    EXPECT_TRUE(host_.has_table(nat_table(family, {"c2"})));
  }
}

// A chain that somebody else jumps to cannot go. Everything else does, and the address stays taken, since it
// is still masqueraded.
TEST_F(Attach, DetachWithoutARecordNamesTheReferencesChainThatIsUsedElsewhere) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  std::filesystem::remove(file_of("c1"));
  nft::TableSpec used = nat_table(nft::Family::kIp, {"c1"});
  const std::string chain = firewall::reference_chain("net", "c1");
  used.chains.push_back({.name = "mine"});
  used.rules.push_back({"mine", {nft::Verdict{nft::VerdictKind::kJump, chain}}});
  ASSERT_FALSE(host_.ensure_table(used));
  ASSERT_FALSE(host_.ensure_table(nat_table(nft::Family::kIp6, {"c1"})));
  const Result<void> detached = detach(context(), source_);
  ASSERT_FALSE(detached);
  EXPECT_EQ(detached.error().code, Errc::kBusy);
  EXPECT_NE(detached.error().what.find("chain " + chain + " of table ip nat"), std::string::npos)
      << detached.error().to_string();
  EXPECT_FALSE(host_.has_table(nat_table(nft::Family::kIp6, {"c1"})));
  EXPECT_TRUE(host_.elements(firewall::masquerade_set(IpFamily::kV4)).empty());
  EXPECT_TRUE(source_.held);
}

TEST_F(Attach, DetachWithoutARecordReportsTheReferencesLegacyChain) {
  std::vector<std::string> lines;
  log_ = Logger([&](LogLevel, std::string_view id,
                    std::string_view text) { lines.push_back(std::string(id) + " " + std::string(text)); },
                LogLevel::kWarning);
  host_.add_legacy_chain(IpFamily::kV6, "nat", firewall::reference_chain("net", "c1"));
  ASSERT_TRUE(detach(context("c2", ""), source_));
  EXPECT_TRUE(lines.empty());
  ASSERT_TRUE(detach(context("c1", ""), source_));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(
      lines[0].find(
          "FL2007 the masquerading of net/c1/eth0 that the reference plugin made with ip6tables-legacy"),
      0U)
      << lines[0];
}

// What we attached has none of it, and DEL does not look.
TEST_F(Attach, DetachWithARecordAsksNothingMoreForTheReferencesSake) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  for (const nft::Family family : {nft::Family::kIp, nft::Family::kIp6}) {
    ASSERT_FALSE(host_.ensure_table(nat_table(family, {"c1"})));
  }
  ASSERT_TRUE(detach(context(), source_));
  EXPECT_TRUE(host_.has_table(nat_table(nft::Family::kIp, {"c1"})));
}

}  // namespace
}  // namespace fairlead::engine
