#include "sys/legacy_iptables.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/netns.hpp"

namespace fairlead::test {
namespace {

// /proc/net is that of the thread group's leader, so this test runs in the process's own namespace.
TEST(LegacyIptables, FindsAChainByItsWholeName) {
  for (const auto& [family, program] : {std::pair(IpFamily::kV4, std::string("iptables-legacy")),
                                        std::pair(IpFamily::kV6, std::string("ip6tables-legacy"))}) {
    const std::string chain = "CNI-0e62cb2c1e3289e916512729";
    const auto none = sys::has_legacy_chain(family, "nat", chain);
    ASSERT_TRUE(none) << none.error().to_string();
    EXPECT_FALSE(*none) << "there is no table yet";
    ASSERT_EQ(std::system((program + " -t nat -N " + chain).c_str()), 0);
    EXPECT_TRUE(*sys::has_legacy_chain(family, "nat", chain));
    EXPECT_FALSE(*sys::has_legacy_chain(family, "nat", chain.substr(0, 20)));
    EXPECT_FALSE(*sys::has_legacy_chain(family, "mangle", chain));
  }
}

}  // namespace
}  // namespace fairlead::test
