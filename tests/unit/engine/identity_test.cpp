#include "engine/attach/identity.hpp"

#include <gtest/gtest.h>

#include "engine/attach/locks.hpp"
#include "fairlead/digest.hpp"

namespace fairlead::engine {
namespace {

Identity identity(const std::string& network, const std::string& container, const std::string& ifname) {
  return *Identity::make(network, container, *LinkName::parse(ifname));
}

TEST(Identity, TheKeyIsTheFirstHalfOfTheDigestOfItsThreeParts) {
  const Identity id = identity("net", "c1", "eth0");
  EXPECT_EQ(id.key_hex(), to_hex(sha256_of({"net", "c1", "eth0"})).substr(0, 32));
}

TEST(Identity, PartsThatJoinToTheSameTextHaveDifferentKeys) {
  EXPECT_NE(identity("a", "bc", "eth0").key(), identity("ab", "c", "eth0").key());
  EXPECT_NE(identity("a", "b", "eth0").key(), identity("a", "b", "eth1").key());
}

TEST(Identity, TheHostLinkKeepsTheWellKnownPrefixAndFillsTheNameUp) {
  const std::string name = identity("net", "c1", "eth0").host_link().str();
  EXPECT_EQ(name.size(), 15U);
  EXPECT_EQ(name.substr(0, 4), "veth");
}

TEST(Identity, TextsAreCutAtTheKernelsLimits) {
  const Identity id = identity(std::string(100, 'n'), std::string(200, 'c'), "eth0");
  EXPECT_EQ(id.link_alias().size(), 255U);
  EXPECT_EQ(id.element_comment().substr(0, 33), id.key_hex() + " ");
}

TEST(Identity, NamesThatCouldBecomePathsAreRefused) {
  const LinkName eth0 = *LinkName::parse("eth0");
  for (const char* bad : {"", "..", ".hidden", "a/b", "../x", "a b", "a\nb"}) {
    EXPECT_FALSE(Identity::make(bad, "c", eth0)) << bad;
    EXPECT_FALSE(Identity::make("net", bad, eth0)) << bad;
  }
  EXPECT_FALSE(Identity::make(std::string("a\0b", 3), "c", eth0));
  EXPECT_EQ(Identity::make("net", "a\nb", eth0).error().what,
            "container id 'a\\x0ab' holds white space or a control byte");
  EXPECT_EQ(Identity::make(".net", "c", eth0).error().what, "network name '.net' starts with a dot");
  EXPECT_FALSE(Identity::make(std::string(256, 'n'), "c", eth0));
}

TEST(Identity, BothEndsGetDifferentLocalUnicastAddresses) {
  const AttachmentNames names = names_of(identity("net", "c1", "eth0"), std::nullopt);
  EXPECT_NE(names.host_mac, names.container_mac);
  for (const MacAddress& mac : {names.host_mac, names.container_mac, names.new_bridge_mac}) {
    EXPECT_FALSE(mac.is_multicast());
    EXPECT_TRUE((mac.bytes()[0] & 2U) != 0) << mac.to_string();
  }
}

TEST(Identity, AConfiguredMacWins) {
  const MacAddress mac = *MacAddress::parse("02:00:00:00:00:01");
  EXPECT_EQ(names_of(identity("net", "c1", "eth0"), mac).container_mac, mac);
}

TEST(Identity, AKeyIsReadBackFromItsDigitsAndFromNothingElse) {
  const Identity one = identity("net", "c1", "eth0");
  EXPECT_EQ(parse_key(one.key_hex()), one.key());
  const std::string digits = one.key_hex();
  for (const std::string& text :
       {std::string(), digits.substr(1), digits + "0", "g" + digits.substr(1), "A" + digits.substr(1)}) {
    EXPECT_EQ(parse_key(text), std::nullopt) << text;
  }
}

TEST(Identity, LockOffsetsFitASignedFileOffset) {
  const std::array<std::uint8_t, 8> highest{255, 255, 255, 255, 255, 255, 255, 255};
  EXPECT_EQ(lock_offset(highest), (std::uint64_t{1} << 62U) - 1);
}

}  // namespace
}  // namespace fairlead::engine
