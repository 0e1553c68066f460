// Encoder, reader, attribute paths and traces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if.h>

#include "kernel/link_codec.hpp"
#include "kernel/route_codec.hpp"
#include "nl/ext_ack.hpp"
#include "nl/format.hpp"
#include "nl/inet_attrs.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::nl {
namespace {

using test::name_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<unsigned> bytes_of(ByteView view) {
  std::vector<unsigned> numbers;
  for (const std::byte byte : view) numbers.push_back(std::to_integer<unsigned>(byte));
  return numbers;
}

Batch link_request(const std::function<void(Encoder<Link>)>& fill) {
  Batch batch;
  EXPECT_TRUE(batch.add<Link>(RTM_NEWLINK, NLM_F_ACK, ifinfomsg{}, fill));
  return batch;
}

ByteView attrs_of(const Batch& batch) { return batch.bytes(0).subspan(sizeof(nlmsghdr) + sizeof(ifinfomsg)); }

TEST(Encoder, WritesLengthsAndPadsWithZeroes) {
  const Batch batch = link_request([](Encoder<Link> link) { link.put(Link::name, "eth0"); });
  EXPECT_THAT(bytes_of(attrs_of(batch)), ElementsAre(9, 0, IFLA_IFNAME, 0, 'e', 't', 'h', '0', 0, 0, 0, 0));
  nlmsghdr header{};
  std::memcpy(&header, batch.bytes(0).data(), sizeof(header));
  EXPECT_EQ(header.nlmsg_len, batch.bytes(0).size());
  EXPECT_EQ(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
}

TEST(Encoder, SendsAnAliasWithoutANul) {
  const Batch batch = link_request([](Encoder<Link> link) { link.put(Link::alias, "abcd"); });
  EXPECT_THAT(bytes_of(attrs_of(batch)), ElementsAre(8, 0, IFLA_IFALIAS, 0, 'a', 'b', 'c', 'd'));
}

TEST(Encoder, PutsWhatIsInsideANestInsideIt) {
  const Batch batch = link_request([](Encoder<Link> link) {
    link.nest(Link::info, [](Encoder<LinkInfo> info) { info.put(LinkInfo::kind, "veth"); });
  });
  EXPECT_THAT(bytes_of(attrs_of(batch)), ElementsAre(16, 0, IFLA_LINKINFO, 0x80, 9, 0, IFLA_INFO_KIND, 0, 'v',
                                                     'e', 't', 'h', 0, 0, 0, 0));
}

TEST(Encoder, WritesNumbersOfNetworkOrderMostSignificantByteFirst) {
  EXPECT_THAT(bytes_of(Wire<Be16>::write(0x1234)), ElementsAre(0x12, 0x34));
  EXPECT_THAT(bytes_of(Wire<Be32>::write(0x12345678)), ElementsAre(0x12, 0x34, 0x56, 0x78));
  EXPECT_EQ(Wire<Be32>::read(Wire<Be32>::write(0x12345678)), 0x12345678U);
}

TEST(Encoder, ReportsAValueThatDoesNotFitAndLeavesTheBatchAsItWas) {
  Batch batch = link_request([](Encoder<Link> link) { link.put(Link::mtu, 1500U); });
  const auto before = bytes_of(batch.bytes(0));
  const std::string endless(70'000, 'x');
  const auto added = batch.add<Link>(RTM_NEWLINK, 0, ifinfomsg{}, [&](Encoder<Link> link) {
    link.put(Link::alias, endless).put(Link::mtu, 9000U);
  });
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::kInvalid);
  EXPECT_THAT(added.error().what, HasSubstr("IFLA_IFALIAS"));
  EXPECT_EQ(batch.size(), 1U);
  EXPECT_EQ(bytes_of(batch.bytes(0)), before);
}

TEST(Encoder, ReportsANestThatGrowsTooLong) {
  Batch batch;
  const std::string half(40'000, 'x');
  const auto added = batch.add<Link>(RTM_NEWLINK, 0, ifinfomsg{}, [&](Encoder<Link> link) {
    link.nest(Link::info,
              [&](Encoder<LinkInfo> info) { info.put(LinkInfo::kind, half).put(LinkInfo::port_kind, half); });
  });
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().what, HasSubstr("IFLA_LINKINFO"));
  EXPECT_TRUE(batch.empty());
}

TEST(AttrReader, SkipsWhatItDoesNotKnowAndTakesTheLastOfSeveral) {
  constexpr Attr<Link, 500, std::uint32_t> kUnknown{"unknown"};
  const Batch batch = link_request(
      [&](Encoder<Link> link) { link.put(Link::mtu, 1U).put(kUnknown, 7U).put(Link::mtu, 1500U); });
  AttrReader<Link> reader(attrs_of(batch));
  EXPECT_EQ(reader.get(Link::mtu), 1500U);
  EXPECT_EQ(reader.get(Link::master), std::nullopt);
  EXPECT_TRUE(reader.finish());
}

TEST(AttrReader, ReportsAValueThatIsTooShort) {
  constexpr Attr<Link, IFLA_MTU, std::uint16_t> kShort{"short"};
  const Batch batch = link_request([&](Encoder<Link> link) { link.put(kShort, std::uint16_t{1}); });
  AttrReader<Link> reader(attrs_of(batch));
  EXPECT_EQ(reader.get(Link::mtu), std::nullopt);
  ASSERT_FALSE(reader.finish());
  EXPECT_THAT(reader.finish().error().what, HasSubstr("IFLA_MTU"));
}

TEST(AttrReader, ReportsAnAttributeThatRunsPastTheEnd) {
  const Batch batch = link_request([](Encoder<Link> link) { link.put(Link::name, "eth0"); });
  for (std::size_t size = 1; size < 9; ++size) {
    AttrReader<Link> reader(attrs_of(batch).first(size));
    EXPECT_FALSE(reader.finish()) << size;
  }
}

/// Offset of the attribute whose payload begins with `payload`, from the start of the message.
std::size_t offset_of(ByteView message, std::span<const std::byte> payload) {
  const auto found = std::search(message.begin(), message.end(), payload.begin(), payload.end());
  return static_cast<std::size_t>(found - message.begin()) - sizeof(nlattr);
}

TEST(AttributePath, LeadsIntoThePeerOfAVeth) {
  Batch batch;
  LinkSpec spec = test::veth_spec("veth0", "eth0");
  std::get<VethLink>(spec.kind).peer.mtu = *Mtu::make(0x01020304);
  ASSERT_TRUE(kernel::add_create(batch, spec, {}));
  const std::size_t offset = offset_of(batch.bytes(0), Wire<std::uint32_t>::write(0x01020304));
  EXPECT_EQ(attribute_path(batch.bytes(0), offset), "IFLA_LINKINFO.IFLA_INFO_DATA.VETH_INFO_PEER.IFLA_MTU");
}

TEST(AttributePath, DependsOnTheKindOfLink) {
  Batch batch;
  const LinkSpec spec{.name = name_of("br0"), .kind = BridgeLink{.vlan_default_pvid = 0x4142}};
  ASSERT_TRUE(kernel::add_create(batch, spec, {}));
  const std::size_t offset = offset_of(batch.bytes(0), Wire<std::uint16_t>::write(0x4142));
  EXPECT_EQ(attribute_path(batch.bytes(0), offset), "IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_VLAN_DEFAULT_PVID");
}

TEST(AttributePath, NamesAnUnknownAttributeByNumberAndNothingOutsideOfAny) {
  constexpr Attr<Link, 500, std::uint32_t> kUnknown{"unknown"};
  const Batch batch = link_request([&](Encoder<Link> link) { link.put(kUnknown, 7U); });
  const std::size_t first = sizeof(nlmsghdr) + sizeof(ifinfomsg);
  EXPECT_EQ(attribute_path(batch.bytes(0), first), "attribute 500");
  EXPECT_EQ(attribute_path(batch.bytes(0), 4), "");
  EXPECT_EQ(attribute_path(batch.bytes(0), 4000), "");
}

TEST(AttributePath, NamesAMissingAttributeAndItsNest) {
  const Batch batch =
      link_request([](Encoder<Link> link) { link.nest(Link::info, [](Encoder<LinkInfo>) {}); });
  const std::size_t nest = sizeof(nlmsghdr) + sizeof(ifinfomsg);
  EXPECT_EQ(missing_attribute_path(batch.bytes(0), nest, IFLA_INFO_KIND), "IFLA_LINKINFO.IFLA_INFO_KIND");
  EXPECT_EQ(missing_attribute_path(batch.bytes(0), std::nullopt, IFLA_IFNAME), "IFLA_IFNAME");
}

TEST(Trace, ShowsNamesAndValues) {
  Batch batch;
  ASSERT_TRUE(kernel::add_create(batch, test::veth_spec("veth0", "eth0"), {.peer_netns = 5}));
  batch.number(3);
  EXPECT_EQ(format_message(batch.bytes(0)),
            "RTM_NEWLINK seq 3 flags 0x60d IFLA_IFNAME='veth0' IFLA_NUM_TX_QUEUES=1 IFLA_NUM_RX_QUEUES=1 "
            "IFLA_LINKINFO{IFLA_INFO_KIND='veth' IFLA_INFO_DATA{VETH_INFO_PEER{IFLA_IFNAME='eth0' "
            "IFLA_NET_NS_FD=5 IFLA_NUM_TX_QUEUES=1 IFLA_NUM_RX_QUEUES=1}}}");
}

TEST(Trace, IsOneLineWhateverAnAliasHolds) {
  const Batch batch = link_request([](Encoder<Link> link) { link.put(Link::alias, "x\nERROR forged"); });
  const std::string line = format_message(batch.bytes(0));
  EXPECT_THAT(line, HasSubstr("IFLA_IFALIAS='x\\x0aERROR forged'"));
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Trace, ShowsTheAddressesOfARoute) {
  Batch batch;
  const std::vector links{LinkIndex{7}};
  ASSERT_TRUE(kernel::add_route(batch, test::route_via("2001:db8:2::/64", "eth0", "2001:db8:1::1"), links));
  EXPECT_THAT(format_message(batch.bytes(0)),
              HasSubstr("RTA_DST=2001:db8:2:: RTA_OIF=7 RTA_GATEWAY=2001:db8:1::1"));
}

TEST(Trace, SurvivesEveryPrefix) {
  Batch batch;
  ASSERT_TRUE(kernel::add_create(batch, test::veth_spec("veth0", "eth0"), {}));
  const ByteView whole = batch.bytes(0);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<std::byte> prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(format_message(prefix).empty());
    (void)attribute_path(prefix, size);
  }
}

TEST(LinkCodec, SplitsAChangeWhereTheKernelsOrderIsNotOurs) {
  LinkSpec spec = test::existing_up("eth0");
  spec.arp_notify = true;
  Batch batch;
  ASSERT_TRUE(kernel::add_change(batch, LinkIndex{7}, spec, {}));
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_THAT(format_message(batch.bytes(0)), HasSubstr("IPV4_DEVCONF_ARP_NOTIFY=1"));
  const auto early = split_body<ifinfomsg>(batch.bytes(0).subspan(sizeof(nlmsghdr)));
  const auto late = split_body<ifinfomsg>(batch.bytes(1).subspan(sizeof(nlmsghdr)));
  ASSERT_TRUE(early && late);
  EXPECT_EQ(early->header.ifi_change, 0U);
  EXPECT_EQ(late->header.ifi_flags, static_cast<unsigned>(IFF_UP));
}

TEST(LinkCodec, SaysWhoseOptionsAChangeIsAbout) {
  LinkSpec spec = test::existing("br0");
  spec.kind = BridgeLink{.vlan_filtering = std::nullopt, .vlan_default_pvid = 7};
  Batch batch;
  ASSERT_TRUE(kernel::add_change(batch, LinkIndex{7}, spec, {}));
  EXPECT_THAT(format_message(batch.bytes(0)),
              HasSubstr("IFLA_INFO_KIND='bridge' IFLA_INFO_DATA{IFLA_BR_VLAN_DEFAULT_PVID=7}"));
}

TEST(RouteCodec, UsesRtaViaForAGatewayOfTheOtherFamily) {
  Batch batch;
  const std::vector links{LinkIndex{7}};
  ASSERT_TRUE(kernel::add_route(batch, test::route_via("0.0.0.0/0", "eth0", "fe80::1"), links));
  EXPECT_THAT(format_message(batch.bytes(0)), HasSubstr("RTA_VIA=0a00fe80000000000000"));
}

TEST(RouteCodec, RefusesARouteWithoutHop) {
  Batch batch;
  const auto added = kernel::add_route(batch, {.destination = test::net("10.0.0.0/8"), .hops = {}}, {});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::kInvalid);
}

}  // namespace
}  // namespace fairlead::nl
