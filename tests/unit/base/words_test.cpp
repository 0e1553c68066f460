#include "base/words.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Words, AreTheSameWhateverSeparatesThem) {
  EXPECT_TRUE(same_words("4096\t131072\t6291456\n", "4096 131072  6291456"));
  EXPECT_TRUE(same_words("", " \n"));
  EXPECT_FALSE(same_words("1 2", "12"));
  EXPECT_FALSE(same_words("1 2", "1"));
  EXPECT_FALSE(same_words("", "0"));
}

}  // namespace
}  // namespace fairlead
