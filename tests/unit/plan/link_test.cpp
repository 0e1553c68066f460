#include <gtest/gtest.h>
#include <linux/if.h>

#include "fairlead/link.hpp"

namespace fairlead {
namespace {

LinkState link(const char* kind, std::uint8_t operstate, bool lower_up) {
  return {.index = {2}, .kind = kind, .lower_up = lower_up, .operstate = operstate};
}

TEST(IsOperational, NeedsACarrierAndThatTheKernelHasNoticed) {
  EXPECT_TRUE(is_operational(link("veth", IF_OPER_UP, true)));
  EXPECT_FALSE(is_operational(link("veth", IF_OPER_UP, false))) << "it was taken away a moment ago";
  EXPECT_FALSE(is_operational(link("veth", IF_OPER_LOWERLAYERDOWN, true))) << "it came a moment ago";
  EXPECT_FALSE(is_operational(link("veth", IF_OPER_UNKNOWN, true))) << "nobody has looked yet";
  EXPECT_TRUE(is_operational(link("dummy", IF_OPER_UNKNOWN, true))) << "nobody ever looks";
}

}  // namespace
}  // namespace fairlead
