#include "ipam/pool.hpp"

#include <gtest/gtest.h>

#include "ipam/pick.hpp"
#include "tests/unit/ipam/values.hpp"

namespace fairlead::ipam {
namespace {

using test::ip;
using test::net;

struct DefaultsCase {
  const char* subnet;
  const char* start;
  const char* end;
  const char* gateway;  // nullptr: none
  unsigned capacity;
};

TEST(Range, DefaultsFollowFromTheSubnet) {
  const DefaultsCase cases[] = {
      {"10.0.0.0/24", "10.0.0.1", "10.0.0.254", "10.0.0.1", 253},
      {"10.0.0.0/29", "10.0.0.1", "10.0.0.6", "10.0.0.1", 5},
      {"10.0.0.0/30", "10.0.0.1", "10.0.0.2", "10.0.0.1", 1},
      {"10.0.0.0/31", "10.0.0.0", "10.0.0.1", "10.0.0.1", 1},
      {"10.0.0.7/32", "10.0.0.7", "10.0.0.7", nullptr, 1},
      {"2001:db8::/120", "2001:db8::1", "2001:db8::ff", "2001:db8::1", 254},
      {"2001:db8::/127", "2001:db8::", "2001:db8::1", "2001:db8::1", 1},
      {"2001:db8::7/128", "2001:db8::7", "2001:db8::7", nullptr, 1},
  };
  for (const DefaultsCase& c : cases) {
    SCOPED_TRACE(c.subnet);
    auto set = RangeSet::make({{.subnet = net(c.subnet)}});
    ASSERT_TRUE(set) << set.error().what;
    const Range& range = set->ranges().front();
    EXPECT_EQ(range.start(), ip(c.start));
    EXPECT_EQ(range.end(), ip(c.end));
    ASSERT_EQ(range.gateway().has_value(), c.gateway != nullptr);
    if (c.gateway != nullptr) {
      EXPECT_EQ(range.gateway(), ip(c.gateway));
    }
    EXPECT_EQ(set->capacity(), c.capacity);
  }
}

TEST(Range, KeepsWhatIsConfigured) {
  auto range = Range::make({.subnet = net("10.0.0.0/24"),
                            .start = ip("10.0.0.0"),
                            .end = ip("10.0.0.255"),
                            .gateway = ip("10.0.0.77")});
  ASSERT_TRUE(range);
  EXPECT_EQ(range->to_string(), "10.0.0.0-10.0.0.255");
  EXPECT_EQ(range->gateway(), ip("10.0.0.77"));
}

TEST(Range, RefusesWhatDoesNotFitTheSubnet) {
  const std::pair<RangeSpec, const char*> cases[] = {
      {{.subnet = net("10.0.0.0/24"), .start = ip("10.0.1.1")},
       "rangeStart 10.0.1.1 not in network 10.0.0.0/24"},
      {{.subnet = net("10.0.0.0/24"), .end = ip("9.255.255.255")},
       "rangeEnd 9.255.255.255 not in network 10.0.0.0/24"},
      {{.subnet = net("10.0.0.0/24"), .gateway = ip("10.0.1.1")},
       "gateway 10.0.1.1 not in network 10.0.0.0/24"},
      {{.subnet = net("10.0.0.0/24"), .start = ip("2001:db8::1")},
       "rangeStart 2001:db8::1 is not of the same family as subnet 10.0.0.0/24"},
      {{.subnet = net("10.0.0.0/24"), .start = ip("10.0.0.9"), .end = ip("10.0.0.8")},
       "rangeEnd 10.0.0.8 is before rangeStart 10.0.0.9 in subnet 10.0.0.0/24"},
      {{.subnet = net("10.0.0.0/24"), .start = ip("10.0.0.1"), .end = ip("10.0.0.1")},
       "range 10.0.0.1-10.0.0.1 of subnet 10.0.0.0/24 has no address besides the gateway"},
  };
  for (const auto& [spec, message] : cases) {
    auto range = Range::make(spec);
    ASSERT_FALSE(range) << message;
    EXPECT_EQ(range.error().code, Errc::kInvalid);
    EXPECT_EQ(range.error().what, message);
    EXPECT_NE(range.error().remedy, "") << message;
  }
}

TEST(RangeSet, NumbersItsAddressesAcrossRanges) {
  const RangeSet set = test::set_of({"10.0.0.0/30", "10.0.1.0/29"});
  EXPECT_EQ(set.size(), Uint128{2 + 6});
  EXPECT_EQ(set.capacity(), Uint128{1 + 5});
  EXPECT_EQ(set.at(0), ip("10.0.0.1"));
  EXPECT_EQ(set.at(1), ip("10.0.0.2"));
  EXPECT_EQ(set.at(2), ip("10.0.1.1"));
  EXPECT_EQ(set.at(7), ip("10.0.1.6"));
  for (unsigned i = 0; i < 8; ++i) EXPECT_EQ(set.offset_of(set.at(i)), Uint128{i});
  EXPECT_EQ(set.offset_of(ip("10.0.0.3")), std::nullopt);
  EXPECT_EQ(set.to_string(), "10.0.0.1-10.0.0.2,10.0.1.1-10.0.1.6");
}

TEST(RangeSet, CountsAGatewayOfTwoRangesOnce) {
  auto set =
      RangeSet::make({{.subnet = net("10.0.0.0/24"), .start = ip("10.0.0.1"), .end = ip("10.0.0.4")},
                      {.subnet = net("10.0.0.0/24"), .start = ip("10.0.0.10"), .end = ip("10.0.0.10")}});
  ASSERT_TRUE(set) << set.error().what;
  EXPECT_EQ(set->capacity(), Uint128{4});
}

TEST(RangeSet, HandlesAWholeIpv6Subnet) {
  const RangeSet set = test::set_of({"2001:db8::/64"});
  EXPECT_EQ(set.size(), (Uint128{1} << 64) - 1);
  EXPECT_EQ(to_string(set.capacity()), "18446744073709551614");
  EXPECT_EQ(set.at(set.size() - 1), ip("2001:db8::ffff:ffff:ffff:ffff"));
}

std::string pool_error(const std::vector<std::vector<RangeSpec>>& sets) {
  auto pool = Pool::make(sets);
  if (pool) return "none";
  EXPECT_NE(pool.error().remedy, "") << pool.error().what;
  return pool.error().what;
}

TEST(Pool, NamesTheSetsThatAreWrong) {
  EXPECT_EQ(pool_error({}), "no IP ranges specified");
  EXPECT_EQ(pool_error({{}}), "invalid range set 0: the set holds no range");
  EXPECT_EQ(pool_error({{{.subnet = net("10.0.0.0/24")}, {.subnet = net("2001:db8::/64")}}}),
            "invalid range set 0: mixed address families: 10.0.0.0/24 and 2001:db8::/64");
  EXPECT_EQ(pool_error({{{.subnet = net("10.0.0.0/24")}, {.subnet = net("10.0.0.128/25")}}}),
            "invalid range set 0: range 10.0.0.129-10.0.0.254 overlaps with 10.0.0.1-10.0.0.254");
  EXPECT_EQ(pool_error({{{.subnet = net("10.0.0.0/24")}},
                        {{.subnet = net("10.1.0.0/24")}},
                        {{.subnet = net("10.0.0.0/16"), .start = ip("10.0.0.254"), .end = ip("10.0.1.9")}}}),
            "range set 0 overlaps with 2: 10.0.0.1-10.0.0.254 and 10.0.0.254-10.0.1.9");
  EXPECT_EQ(pool_error({{{.subnet = net("10.0.0.0/24"), .end = ip("10.0.0.9")}},
                        {{.subnet = net("10.0.0.0/24"), .start = ip("10.0.0.10")}}}),
            "none");
}

// The reference's own table of its round robin.
struct RoundRobinCase {
  std::vector<const char*> subnets;
  std::vector<const char*> taken;
  const char* last;      // nullptr: none
  const char* expected;  // nullptr: full
};

const RoundRobinCase kRoundRobin[] = {
    {{"10.0.0.0/29"}, {}, nullptr, "10.0.0.2"},
    {{"2001:db8:1::/64"}, {}, nullptr, "2001:db8:1::2"},
    {{"10.0.0.0/30"}, {}, nullptr, "10.0.0.2"},
    {{"10.0.0.0/29"}, {"10.0.0.2"}, nullptr, "10.0.0.3"},
    {{"10.0.0.0/29"}, {}, "10.0.0.5", "10.0.0.6"},
    {{"10.0.0.0/29"}, {"10.0.0.4", "10.0.0.5"}, "10.0.0.3", "10.0.0.6"},
    {{"10.0.0.0/29"}, {"10.0.0.6"}, "10.0.0.5", "10.0.0.2"},
    {{"10.0.0.0/29"}, {"10.0.0.2"}, "10.0.0.128", "10.0.0.3"},
    {{"10.0.0.0/29"}, {"10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"}, "10.0.0.3", "10.0.0.3"},
    {{"10.0.0.0/30", "10.0.1.0/30"}, {}, nullptr, "10.0.0.2"},
    {{"10.0.0.0/30", "10.0.1.0/30"}, {}, "10.0.0.2", "10.0.1.2"},
    {{"10.0.0.0/30", "10.0.1.0/30", "10.0.2.0/30"}, {}, "10.0.2.2", "10.0.0.2"},
    {{"10.0.0.0/30"}, {"10.0.0.2"}, nullptr, nullptr},
    {{"10.0.0.0/29"}, {"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}, "10.0.0.4", nullptr},
    {{"10.0.0.0/30", "10.0.1.0/30"}, {"10.0.0.2", "10.0.1.2"}, nullptr, nullptr},
};

TEST(PickOrder, FirstFreeFollowsTheReferencesTable) {
  for (const RoundRobinCase& c : kRoundRobin) {
    SCOPED_TRACE(std::string(c.subnets.front()) + " last " + (c.last != nullptr ? c.last : "none"));
    const RangeSet set = test::set_of(c.subnets);
    const PickOrder order(set, c.last != nullptr ? std::optional(ip(c.last)) : std::nullopt);
    const std::vector<IpAddress> taken = test::ips(c.taken);
    const auto picked = order.first_free(taken);
    ASSERT_EQ(picked.has_value(), c.expected != nullptr);
    if (c.expected != nullptr) {
      EXPECT_EQ(picked->to_string(), c.expected);
    }
  }
}

TEST(PickOrder, ComesToTheLastAddressLast) {
  const RangeSet set = test::set_of({"10.0.0.0/29"});
  const PickOrder order(set, ip("10.0.0.3"));
  std::string walked;
  for (Uint128 i = 0; i < order.size(); ++i) {
    walked += order.at(i).to_string() + " ";
    EXPECT_EQ(order.position_of(order.at(i)), i);
  }
  EXPECT_EQ(walked, "10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.1 10.0.0.2 10.0.0.3 ");
}

TEST(PickOrder, FindsTheGapInALargeSetWithoutWalkingIt) {
  const RangeSet set = test::set_of({"2001:db8::/64"});
  std::vector<IpAddress> taken;
  const Uint128 base = ip("2001:db8::").number();
  for (Uint128 i = 2; i < 5000; ++i)
    if (i != 4321) taken.push_back(IpAddress::from_number(IpFamily::kV6, base + i));
  EXPECT_EQ(PickOrder(set, std::nullopt).first_free(taken), ip("2001:db8::10e1"));
  EXPECT_EQ(PickOrder(set, ip("2001:db8::10e1")).first_free(taken), ip("2001:db8::1388"));
  // From the last address of all the order wraps to the first.
  EXPECT_EQ(PickOrder(set, ip("2001:db8::ffff:ffff:ffff:ffff")).first_free(taken), ip("2001:db8::10e1"));
}

TEST(PickOrder, NeverGivesAGatewayOfAnyRange) {
  auto set = RangeSet::make({{.subnet = net("10.0.0.0/24"),
                              .start = ip("10.0.0.10"),
                              .end = ip("10.0.0.12"),
                              .gateway = ip("10.0.0.11")}});
  ASSERT_TRUE(set);
  const std::vector<IpAddress> taken{ip("10.0.0.10"), ip("10.0.0.12")};
  EXPECT_EQ(PickOrder(*set, std::nullopt).first_free(taken), std::nullopt);
}

TEST(AssignRequests, DealsEachAddressToItsSet) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}, {"2001:db8::/64"}, {"10.1.0.0/29"}});
  auto dealt = assign_requests(pool, test::ips({"2001:db8::9", "10.0.0.5", "10.0.0.5"}));
  ASSERT_TRUE(dealt) << dealt.error().what;
  EXPECT_EQ(*dealt, (std::vector<std::optional<IpAddress>>{ip("10.0.0.5"), ip("2001:db8::9"), std::nullopt}));
}

TEST(AssignRequests, RefusesAGatewayAndWhatNoSetCanGive) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}, {"10.1.0.0/29"}});
  auto gateway = assign_requests(pool, test::ips({"10.0.0.1"}));
  ASSERT_FALSE(gateway);
  EXPECT_EQ(gateway.error().what, "requested IP address 10.0.0.1 is the gateway of its subnet 10.0.0.0/29");
  EXPECT_NE(gateway.error().remedy, "");
  auto unused = assign_requests(pool, test::ips({"10.0.0.4", "10.9.9.9", "10.0.0.5"}));
  ASSERT_FALSE(unused);
  EXPECT_EQ(unused.error().what, "failed to allocate all requested IPs: 10.9.9.9 10.0.0.5");
}

}  // namespace
}  // namespace fairlead::ipam
