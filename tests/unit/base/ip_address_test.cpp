#include "fairlead/ip_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

namespace fairlead {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
IpNetwork net(std::string_view text) { return *IpNetwork::parse(text); }

// What inet_pton says about a text: the address's bytes, empty if it is none.
std::vector<std::uint8_t> oracle(const std::string& text) {
  std::vector<std::uint8_t> bytes(16);
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

// One case of the differential test: same verdict, same bytes, same text.
bool expect_like_oracle(const std::string& text) {
  const auto want = oracle(text);
  const auto got = IpAddress::parse(text);
  EXPECT_EQ(got.has_value(), !want.empty()) << text;
  if (!got || want.empty()) return false;
  EXPECT_EQ(std::vector(got->bytes().begin(), got->bytes().end()), want) << text;
  std::array<char, INET6_ADDRSTRLEN> printed{};
  inet_ntop(got->is_v4() ? AF_INET : AF_INET6, want.data(), printed.data(), printed.size());
  EXPECT_EQ(got->to_string(), printed.data());
  return true;
}

TEST(IpAddress, ParsesWhatInetPtonDoesOnKnownCornerCases) {
  for (const char* text : {"0.0.0.0",
                           "255.255.255.255",
                           "256.0.0.1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "01.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.",
                           "+1.2.3.4",
                           "0x1.2.3.4",
                           "::",
                           "::1",
                           "1::",
                           "1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7::",
                           "::2:3:4:5:6:7:8",
                           "1::2::3",
                           ":::",
                           ":1",
                           "1:",
                           "12345::",
                           "g::",
                           "::1.2.3.4",
                           "::ffff:1.2.3.4",
                           "1.2.3.4::",
                           "::1.2.3.256",
                           "fe80::1%eth0",
                           "",
                           "/",
                           "::1/64",
                           "2001:DB8::A",
                           "0000:0000:0000:0000:0000:0000:255.255.255.255",
                           "00000::",
                           "1:2:3:4:5:6:7:1.2.3.4"}) {
    expect_like_oracle(text);
  }
}

TEST(IpAddress, ParsesWhatInetPtonDoesOnRandomText) {
  std::mt19937 random(20240229);
  const auto below = [&](std::size_t n) { return random() % n; };
  constexpr std::string_view kLetters = "0123456789abcdefABCF::::....g /%";
  std::size_t accepted = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text;
    if (round % 3 == 0) {  // any letters
      for (std::size_t n = below(48); n > 0; --n) text += kLetters[below(kLetters.size())];
    } else {  // an address, printed, then damaged in up to two places
      std::array<std::uint8_t, 16> bytes{};
      for (auto& byte : bytes) byte = below(2) == 0 ? 0 : static_cast<std::uint8_t>(random());
      std::array<char, INET6_ADDRSTRLEN> printed{};
      inet_ntop(below(2) == 0 ? AF_INET : AF_INET6, bytes.data(), printed.data(), printed.size());
      text = printed.data();
      for (std::size_t n = below(3); n > 0; --n) text[below(text.size())] = kLetters[below(kLetters.size())];
    }
    if (expect_like_oracle(text)) ++accepted;
  }
  EXPECT_GT(accepted, 10'000U);  // otherwise the generator tests nothing but refusals
}

TEST(IpAddress, RefusesTextWithAByteBehindANul) {
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0.5", 10)));
}

TEST(IpAddress, ErrorShowsForeignTextOnOneLineAndCut) {
  const auto result = IpAddress::parse("10.0.0.1\n\x1b[2J" + std::string(10'000, 'x'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kInvalid);
  EXPECT_EQ(result.error().what.find_first_of("\n\x1b"), std::string::npos);
  EXPECT_LT(result.error().what.size(), 200U);
}

TEST(IpAddress, FromBytesTakesFourOrSixteenOnly) {
  const std::array<std::uint8_t, 17> bytes{10, 1, 2, 3};
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    EXPECT_EQ(IpAddress::from_bytes(std::span(bytes).first(n)).has_value(), n == 4 || n == 16) << n;
  }
  EXPECT_EQ(*IpAddress::from_bytes(std::span(bytes).first(4)), ip("10.1.2.3"));
}

TEST(IpAddress, NumberAndBack) {
  EXPECT_EQ(ip("1.2.3.4").number(), Uint128{0x01020304});
  for (const char* text : {"0.0.0.0", "255.255.255.255", "::", "ffff::1", "2001:db8::8000:0:0:1"}) {
    EXPECT_EQ(IpAddress::from_number(ip(text).family(), ip(text).number()), ip(text));
  }
  EXPECT_EQ(IpAddress::from_number(IpFamily::kV4, Uint128{0x1'01020304}), ip("1.2.3.4"));
}

TEST(IpAddress, NextAndPreviousCarryAndWrap) {
  EXPECT_EQ(ip("10.0.0.255").next(), ip("10.0.1.0"));
  EXPECT_EQ(ip("10.0.1.0").previous(), ip("10.0.0.255"));
  EXPECT_EQ(ip("255.255.255.255").next(), ip("0.0.0.0"));
  EXPECT_EQ(ip("0.0.0.0").previous(), ip("255.255.255.255"));
  EXPECT_EQ(ip("fd00::ffff:ffff:ffff:ffff").next(), ip("fd00:0:0:1::"));
  EXPECT_EQ(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").next(), ip("::"));
  EXPECT_EQ(ip("::").previous(), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
}

TEST(IpAddress, ClassesAreThoseOfTheRfcs) {
  struct Case {
    const char* text;
    bool multicast, loopback, link_local;
  };
  for (const Case& c : {Case{"223.255.255.255", false, false, false}, Case{"224.0.0.1", true, false, false},
                        Case{"239.255.255.255", true, false, false}, Case{"240.0.0.0", false, false, false},
                        Case{"127.255.0.1", false, true, false}, Case{"128.0.0.1", false, false, false},
                        Case{"169.254.1.1", false, false, true}, Case{"169.253.1.1", false, false, false},
                        Case{"ff02::1", true, false, false}, Case{"::1", false, true, false},
                        Case{"fe80::1", false, false, true}, Case{"febf::1", false, false, true},
                        Case{"fec0::1", false, false, false}, Case{"::2", false, false, false}}) {
    EXPECT_EQ(ip(c.text).is_multicast(), c.multicast) << c.text;
    EXPECT_EQ(ip(c.text).is_loopback(), c.loopback) << c.text;
    EXPECT_EQ(ip(c.text).is_link_local(), c.link_local) << c.text;
  }
}

TEST(IpAddress, SortsIpv4FirstThenByNumber) {
  EXPECT_LT(ip("255.255.255.255"), ip("::"));
  EXPECT_LT(ip("10.0.0.9"), ip("10.0.0.10"));
  EXPECT_LT(ip("fd00::9"), ip("fd00::10"));
  EXPECT_NE(ip("0.0.0.0"), ip("::"));
}

TEST(IpAddress, HashTellsNeighboursApart) {
  std::unordered_set<std::size_t> hashes;
  IpAddress a = ip("10.0.0.0");
  for (int i = 0; i < 4096; ++i, a = a.next()) hashes.insert(std::hash<IpAddress>{}(a));
  EXPECT_EQ(hashes.size(), 4096U);
  EXPECT_NE(std::hash<IpAddress>{}(ip("0.0.0.1")), std::hash<IpAddress>{}(ip("::1")));
  EXPECT_EQ(std::unordered_set<IpNetwork>({net("10.0.0.0/8"), net("10.0.0.0/9"), net("10.0.0.0/8")}).size(),
            2U);
}

TEST(IfaceAddress, ParsesAndPrints) {
  const auto address = *IfaceAddress::parse("10.1.2.3/24");
  EXPECT_EQ(address.address(), ip("10.1.2.3"));
  EXPECT_EQ(address.prefix(), 24U);
  EXPECT_EQ(address.network(), net("10.1.2.0/24"));
  EXPECT_EQ(address.to_string(), "10.1.2.3/24");
  EXPECT_EQ(IfaceAddress::parse("fd00::1/128")->to_string(), "fd00::1/128");
}

TEST(IfaceAddress, RefusesBadPrefixLengthsAndSaysWhy) {
  struct Case {
    const char* text;
    const char* why;
  };
  for (const Case& c :
       {Case{"10.0.0.1", "no prefix length"}, Case{"10.0.0.1/", "missing"}, Case{"10.0.0.1/33", "exceeds 32"},
        Case{"::1/129", "exceeds 128"}, Case{"10.0.0.1/-1", "not a number"},
        Case{"10.0.0.1/08", "leading zero"}, Case{"10.0.0.1/24 ", "not a number"},
        Case{"10.0.0.1/24/8", "not a number"}, Case{"10.0.0.1/99999999999999999999", "exceeds 128"},
        Case{"/24", "not an IP address"}}) {
    const auto result = IfaceAddress::parse(c.text);
    ASSERT_FALSE(result) << c.text;
    EXPECT_EQ(result.error().code, Errc::kInvalid);
    EXPECT_NE(result.error().what.find(c.why), std::string::npos) << result.error().what;
  }
}

TEST(IpNetwork, EveryPrefixLengthHasFirstAndLast) {
  for (const char* text : {"203.0.113.77", "2001:db8:1234:5678:9abc:def0:1234:5678"}) {
    const IpAddress address = ip(text);
    for (unsigned prefix = 0; prefix <= address.bits(); ++prefix) {
      const IpNetwork network = *IpNetwork::containing(address, prefix);
      EXPECT_TRUE(network.contains(address));
      EXPECT_TRUE(network.contains(network.first()));
      EXPECT_TRUE(network.contains(network.last()));
      const Uint128 size_less_one = network.last().number() - network.first().number();
      EXPECT_EQ(size_less_one,
                prefix == 0 && address.is_v6() ? ~Uint128{0} : (Uint128{1} << (address.bits() - prefix)) - 1);
      if (prefix > 0) {
        EXPECT_FALSE(network.contains(network.last().next()));
        EXPECT_FALSE(network.contains(network.first().previous()));
      }
      EXPECT_EQ(net(network.to_string()), network);
    }
    EXPECT_FALSE(IpNetwork::containing(address, address.bits() + 1));
  }
}

TEST(IpNetwork, RefusesHostBitsAndNamesTheNetwork) {
  const auto result = IpNetwork::parse("10.1.2.3/24");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().what.find("10.1.2.0/24"), std::string::npos);
}

TEST(IpNetwork, OverlapsWhenOneHoldsTheOther) {
  EXPECT_TRUE(net("10.0.0.0/8").overlaps(net("10.1.0.0/16")));
  EXPECT_TRUE(net("10.1.0.0/16").overlaps(net("10.0.0.0/8")));
  EXPECT_FALSE(net("10.0.0.0/16").overlaps(net("10.1.0.0/16")));
  EXPECT_TRUE(net("0.0.0.0/0").overlaps(net("192.0.2.1/32")));
  EXPECT_FALSE(net("0.0.0.0/0").overlaps(net("::/0")));
  EXPECT_TRUE(IpNetwork::any(IpFamily::kV6).contains(ip("::")));
  EXPECT_FALSE(IpNetwork::any(IpFamily::kV4).contains(ip("::")));
}

}  // namespace
}  // namespace fairlead
