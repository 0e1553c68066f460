#include "fairlead/digest.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Digest, Sha256MatchesTheStandardsExample) {
  EXPECT_EQ(to_hex(sha256_of({"abc"})), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, PartsAreSeparated) {
  EXPECT_NE(sha256_of({"ab", "c"}), sha256_of({"a", "bc"}));
  EXPECT_EQ(sha256_of({"a", "b"}), sha256_of({std::string_view("a\0b", 3)}));
}

TEST(Digest, Base32MatchesRfc4648) {
  const std::string text = "foobar";
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  EXPECT_EQ(to_base32({data, 1}), "my");
  EXPECT_EQ(to_base32({data, 2}), "mzxq");
  EXPECT_EQ(to_base32({data, 3}), "mzxw6");
  EXPECT_EQ(to_base32({data, 4}), "mzxw6yq");
  EXPECT_EQ(to_base32({data, 5}), "mzxw6ytb");
  EXPECT_EQ(to_base32({data, 6}), "mzxw6ytboi");
}

}  // namespace
}  // namespace fairlead
