#include "firewall/masquerade.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "fairlead/op.hpp"
#include "firewall/tables.hpp"

namespace fairlead::firewall {
namespace {

TEST(MasqueradeElements, AreTwoForEachAddress) {
  const LinkName bridge = *LinkName::parse("br0");
  const std::vector addresses{*IfaceAddress::parse("10.1.2.3/24"), *IfaceAddress::parse("2001:db8::3/64")};
  const auto elements = masquerade_elements(bridge, addresses, "K net/ctr/eth0");
  ASSERT_EQ(elements.size(), 4U);
  EXPECT_EQ(elements[0].set.set, "masq4");
  EXPECT_EQ(elements[0].key, nft::KeyBuilder().ifname(bridge).address(addresses[0].address()).take());
  EXPECT_EQ(elements[1].set.set, "masq_exempt4");
  EXPECT_EQ(elements[1].key, nft::KeyBuilder().address(addresses[0].address()).ifname(bridge).take());
  EXPECT_EQ(elements[2].set.set, "masq6");
  EXPECT_EQ(elements[3].set.set, "masq_exempt6");
  for (const nft::Element& element : elements) {
    EXPECT_EQ(element.comment, "K net/ctr/eth0");
    EXPECT_TRUE(element.data.empty());
  }
}

TEST(MasqueradeElements, AreDescribedByTheirAddress) {
  const std::vector addresses{*IfaceAddress::parse("10.1.2.3/24"), *IfaceAddress::parse("2001:db8::3/64")};
  std::vector<std::string> texts;
  for (const nft::Element& element : masquerade_elements(*LinkName::parse("br0"), addresses, "K")) {
    texts.push_back(describe(Op{.action = AddElement{element}}));
  }
  EXPECT_EQ(texts,
            (std::vector<std::string>{"add element br0 . 10.1.2.3 to inet fairlead masq4 (K)",
                                      "add element 10.1.2.3 . br0 to inet fairlead masq_exempt4 (K)",
                                      "add element br0 . 2001:db8::3 to inet fairlead masq6 (K)",
                                      "add element 2001:db8::3 . br0 to inet fairlead masq_exempt6 (K)"}));
}

TEST(MasqueradeElements, AreNoneWithoutAddresses) {
  EXPECT_TRUE(masquerade_elements(*LinkName::parse("br0"), {}, "K").empty());
}

TEST(InetTable, HasTheSetsThatElementsGoInto) {
  const nft::TableSpec table = inet_table();
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    for (const nft::SetRef& set : {masquerade_set(family), masquerade_exempt_set(family)}) {
      EXPECT_EQ(set.table, table.name);
      EXPECT_EQ(set.family, table.family);
      EXPECT_EQ(std::ranges::count(table.sets, set.set, &nft::SetSpec::name), 1);
    }
  }
}

}  // namespace
}  // namespace fairlead::firewall
