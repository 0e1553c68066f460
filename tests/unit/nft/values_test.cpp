#include <gtest/gtest.h>

#include "fairlead/nft.hpp"
#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

LinkName link(const char* name) { return *LinkName::parse(name); }
IpAddress ip(const char* text) { return *IpAddress::parse(text); }

TEST(NftKeyBuilder, PadsTheFieldsOfAConcatenationToFourBytes) {
  EXPECT_EQ(KeyBuilder().ifname(link("br0")).address(ip("10.1.2.3")).take(),
            (Bytes{'b', 'r', '0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 1, 2, 3}));
  EXPECT_EQ(KeyBuilder().u8(6).be16(0x1f90).address(ip("::1")).take(),
            (Bytes{6, 0, 0, 0, 0x1f, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(KeyBuilder().address(ip("10.0.0.1")).be16(53).take(), (Bytes{10, 0, 0, 1, 0, 53, 0, 0}));
}

TEST(NftKeyBuilder, LeavesASingleFieldAtItsOwnSize) {
  EXPECT_EQ(KeyBuilder().be16(53).take(), (Bytes{0, 53}));
  EXPECT_EQ(KeyBuilder().u8(17).take(), Bytes{17});
}

TEST(NftKeyBuilder, HoldsTheLongestInterfaceName) {
  const Bytes key = KeyBuilder().ifname(link("abcdefghijklmno")).take();
  EXPECT_EQ(key.size(), 16U);
  EXPECT_EQ(key.back(), 0);
  EXPECT_EQ(key[14], 'o');
}

TEST(NftKeyBuilder, StartsAnewAfterTake) {
  KeyBuilder builder;
  EXPECT_EQ(builder.be16(1).be16(2).take(), (Bytes{0, 1, 0, 0, 0, 2, 0, 0}));
  EXPECT_EQ(builder.be16(3).take(), (Bytes{0, 3}));
}

TEST(NftTypes, ArePackedSixBitsAFieldAsNftDoes) {
  // The numbers that nft 1.0.6 sends as NFTA_SET_KEY_TYPE for these types (nft --debug=mnl).
  EXPECT_EQ(packed_type(std::vector{FieldType::kIfname}), 0x29U);
  EXPECT_EQ(packed_type(std::vector{FieldType::kIfname, FieldType::kIpv4Addr}), 0xa47U);
  EXPECT_EQ(packed_type(std::vector{FieldType::kIfname, FieldType::kIpv6Addr}), 0xa48U);
  EXPECT_EQ(packed_type(std::vector{FieldType::kIpv4Addr, FieldType::kIfname}), 0x1e9U);
  EXPECT_EQ(packed_type(std::vector{FieldType::kInetProto, FieldType::kInetService}), 0x30dU);
  EXPECT_EQ(packed_type(std::vector{FieldType::kIpv4Addr, FieldType::kInetService}), 0x1cdU);
}

TEST(NftTypes, KeySizesFollowTheKernelsRegisters) {
  EXPECT_EQ(key_size(std::vector{FieldType::kInetService}), 2U);
  EXPECT_EQ(key_size(std::vector{FieldType::kEtherAddr}), 6U);
  EXPECT_EQ(key_size(std::vector{FieldType::kIfname, FieldType::kEtherAddr}), 24U);
  EXPECT_EQ(key_size(std::vector<FieldType>{}), 0U);
}

TEST(NftComment, KeepsPrintableAsciiAndCutsAt127Bytes) {
  EXPECT_EQ(stored_comment("0123abcd net/ctr/eth0"), "0123abcd net/ctr/eth0");
  EXPECT_EQ(stored_comment(std::string(300, 'x')), std::string(127, 'x'));
  EXPECT_EQ(stored_comment("a\"b\nc\xc3\xa4\x7f\\"), "a?b?c???\\");
  EXPECT_EQ(stored_comment(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(stored_comment(""), "");
}

TEST(NftLayout, IsReadFromItsOwnCommentOnly) {
  EXPECT_EQ(layout_comment("fairlead", 12), "fairlead layout 12");
  EXPECT_EQ(layout_of("fairlead", "fairlead layout 12"), 12U);
  for (const char* other :
       {"", "fairlead layout", "fairlead layout ", "fairlead layout x", "fairlead layout 1x",
        "fairlead layout -1", "fairlead layout 4294967296", "mine", "other layout 1"}) {
    EXPECT_EQ(layout_of("fairlead", other), 0U) << other;
  }
}

}  // namespace
}  // namespace fairlead::nft
