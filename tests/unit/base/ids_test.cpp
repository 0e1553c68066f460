#include "fairlead/ids.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <unordered_set>

#include "fairlead/mac_address.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead {
namespace {

TEST(LinkName, AcceptsWhatTheKernelAccepts) {
  for (const char* text :
       {"e", "eth0", "veth0123456789a", "a.b", "...", "eth0@x", "-", "br_1", "\xc3\xa9th0"}) {
    const auto name = LinkName::parse(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->str(), text);
  }
}

TEST(LinkName, RefusesWhatTheKernelRefusesAndSaysWhy) {
  struct Case {
    std::string text;
    const char* why;
  };
  for (const Case& c :
       {Case{"", "is empty"}, Case{"0123456789abcdef", "has 16 bytes"}, Case{".", "directory"},
        Case{"..", "directory"}, Case{"a/b", "'/'"}, Case{"a:b", "':'"}, Case{"a b", "white space"},
        Case{"a\tb", "white space"}, Case{"a\nb", "white space"}, Case{"\xc3\xa0", "white space"},
        Case{std::string("a\0b", 3), "control byte"}, Case{"a\x7f", "control byte"},
        Case{"eth%d", "template"}}) {
    const auto name = LinkName::parse(c.text);
    ASSERT_FALSE(name) << c.text;
    EXPECT_EQ(name.error().code, Errc::kInvalid);
    EXPECT_NE(name.error().what.find(c.why), std::string::npos) << name.error().what;
  }
}

TEST(Numbers, HoldTheirRanges) {
  EXPECT_FALSE(Mtu::make(67));
  EXPECT_EQ(Mtu::make(68)->bytes(), 68U);
  EXPECT_EQ(Mtu::make(2147483647)->bytes(), 2147483647U);
  EXPECT_FALSE(Mtu::make(2147483648));
  EXPECT_FALSE(VlanId::make(0));
  EXPECT_EQ(VlanId::make(4094)->value(), 4094U);
  EXPECT_FALSE(VlanId::make(4095));
  EXPECT_FALSE(Vni::make(-1));
  EXPECT_EQ(Vni::make(0xffffff)->value(), 0xffffffU);
  EXPECT_FALSE(Vni::make(0x1000000));
  EXPECT_EQ(Mtu::make(-5).error().what, "MTU -5 is out of range 68 to 2147483647");
}

TEST(Values, AreKeysOfUnorderedContainers) {
  EXPECT_EQ(std::unordered_set<LinkIndex>({LinkIndex{1}, LinkIndex{2}, LinkIndex{1}}).size(), 2U);
  EXPECT_EQ(std::unordered_set<LinkName>({*LinkName::parse("a"), *LinkName::parse("b")}).size(), 2U);
  EXPECT_EQ(std::unordered_set<MacAddress>({*MacAddress::parse("2:0:0:0:0:1"), MacAddress()}).size(), 2U);
}

TEST(MacAddress, ParsesColonsAndDashes) {
  const MacAddress mac({0x02, 0x42, 0xac, 0x11, 0x00, 0x0f});
  for (const char* text : {"02:42:ac:11:00:0f", "02-42-AC-11-00-0F", "2:42:aC:11:0:f"}) {
    const auto parsed = MacAddress::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, mac) << text;
  }
  EXPECT_EQ(mac.to_string(), "02:42:ac:11:00:0f");
}

TEST(MacAddress, RefusesEverythingElse) {
  for (const char* text :
       {"", ":", "02:42:ac:11:00", "02:42:ac:11:00:", "02:42:ac:11:00:0f:", "02:42:ac:11:00:0f:1",
        "02:42-ac:11:00:0f", "002:42:ac:11:0:f", "02:42:ac:11:00:0g", "0242ac11000f", ":02:42:ac:11:00:0f",
        "02::42:ac:11:00:0f", " 02:42:ac:11:00:0f", "02:42:ac:11:00:0f "}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
}

TEST(MacAddress, EveryStrictPrefixOfOneIsRefused) {
  const std::string text = "02:42:ac:11:00:0f";
  for (std::size_t n = 0; n < text.size() - 1; ++n) EXPECT_FALSE(MacAddress::parse(text.substr(0, n))) << n;
  EXPECT_TRUE(MacAddress::parse(text.substr(0, text.size() - 1)));  // the last octet may have one digit
}

TEST(MacAddress, MadeFromASeedIsLocalUnicast) {
  const std::array<std::uint8_t, 8> seed{0xff, 1, 2, 3, 4, 5, 6, 7};
  const MacAddress mac = MacAddress::local_from(seed);
  EXPECT_EQ(mac.to_string(), "fe:01:02:03:04:05");
  EXPECT_FALSE(mac.is_multicast());
  EXPECT_TRUE(MacAddress().is_zero());
  EXPECT_FALSE(mac.is_zero());
}

TEST(UniqueFd, ClosesOnceAndReportsABadDescriptor) {
  UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(first.valid());
  const int number = first.get();
  UniqueFd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  EXPECT_TRUE(second.close());
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  EXPECT_FALSE(second.valid());
  EXPECT_TRUE(second.close());  // nothing left to close
  UniqueFd bad(1 << 20);        // above any limit: never open
  const auto result = bad.close();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kernel->err, EBADF);
}

}  // namespace
}  // namespace fairlead
