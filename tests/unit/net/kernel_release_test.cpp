#include <gtest/gtest.h>

#include "sys/kernel_release.hpp"

namespace fairlead::sys {
namespace {

TEST(KernelRelease, ComparesNumbersAndNotText) {
  EXPECT_TRUE(release_at_least("6.2.0", 6, 2));
  EXPECT_TRUE(release_at_least("6.18.5", 6, 2));
  EXPECT_TRUE(release_at_least("10.0", 6, 2));
  EXPECT_TRUE(release_at_least("6.12-rc1", 6, 2));
  EXPECT_FALSE(release_at_least("6.1.0-56-amd64", 6, 2));
  EXPECT_FALSE(release_at_least("5.14.0-570.el9.x86_64", 6, 2));
  EXPECT_FALSE(release_at_least("2.6.66", 6, 2));
}

TEST(KernelRelease, ATextThatIsNoReleaseIsNotNewer) {
  for (const char* text : {"", "6", "6.", ".2", "-6.2", "6 .2", "x6.2", "99999999999.2"}) {
    EXPECT_FALSE(release_at_least(text, 6, 2)) << text;
  }
}

}  // namespace
}  // namespace fairlead::sys
