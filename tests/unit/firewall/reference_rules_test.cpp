#include "firewall/reference_rules.hpp"

#include <gtest/gtest.h>

namespace fairlead::firewall {
namespace {

/// As Debian's bridge 1.1.1 made it (`nft list ruleset`), and by the values of the reference's own tests.
TEST(ReferenceRules, HaveTheNamesThatTheReferenceGivesThem) {
  EXPECT_EQ(reference_chain("swap", "box-c1"), "CNI-0e62cb2c1e3289e916512729");
  const Plan plan = reference_rules("unit-test", "one", "eth0");
  std::vector<std::string> texts;
  for (const Op& op : plan) texts.push_back(describe(op));
  const std::string chain = reference_chain("unit-test", "one");
  const std::vector<std::string> expected{
      "remove chain " + chain + " of table ip nat and the jumps to it from POSTROUTING",
      "remove chain " + chain + " of table ip6 nat and the jumps to it from POSTROUTING",
      "remove the rules of chain masq_checks of table inet cni_plugins_masquerade whose comment begins with "
      "'6fd94d501e58f0aa-287fc69eff0574a2'",
      "remove chain cni-br-iface-one-eth0-mac of table bridge nat and the jumps to it from "
      "cni-br-iface-one-eth0",
      "remove chain cni-br-iface-one-eth0 of table bridge nat and the jumps to it from PREROUTING",
  };
  EXPECT_EQ(texts, expected);
}

}  // namespace
}  // namespace fairlead::firewall
