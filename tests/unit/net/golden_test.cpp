// Decoders on bytes that a kernel sent (tests/golden/netlink, Linux 6.18; record_test.cpp records them), and
// on every prefix of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "kernel/address_codec.hpp"
#include "kernel/link_codec.hpp"
#include "kernel/route_codec.hpp"
#include "nl/ext_ack.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::kernel {
namespace {

using Bytes = std::vector<std::byte>;
using test::iface;
using test::ip;
using test::mac;

Bytes golden(const std::string& name) {
  std::ifstream file(std::string(FAIRLEAD_GOLDEN_DIR "/netlink/") + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<nl::Message> messages_of(const Bytes& bytes) {
  std::vector<nl::Message> messages;
  nl::MessageWalk walk(bytes);
  while (const auto message = walk.next()) messages.push_back(*message);
  EXPECT_FALSE(walk.malformed());
  return messages;
}

/// A heap block of that very size, so that a read past its end is seen by the sanitizer.
Bytes prefix_of(nl::ByteView bytes, std::size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

using Read = std::function<void(const nl::Message&)>;

/// Hands out every prefix of a datagram, and of each of its messages one whose length says that it is whole.
void read_every_prefix(const Bytes& bytes, const Read& read) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes prefix = prefix_of(bytes, size);
    nl::MessageWalk walk(prefix);
    while (const auto message = walk.next()) read(*message);
  }
  for (const nl::Message& message : messages_of(bytes)) {
    for (std::size_t size = sizeof(nlmsghdr); size < message.whole.size(); ++size) {
      Bytes prefix = prefix_of(message.whole, size);
      const auto length = static_cast<std::uint32_t>(size);
      std::memcpy(prefix.data(), &length, sizeof(length));
      nl::MessageWalk walk(prefix);
      const auto cut = walk.next();
      ASSERT_TRUE(cut.has_value());
      read(*cut);
    }
  }
}

TEST(GoldenLink, ReadsABridge) {
  const Bytes bytes = golden("link_bridge");
  const auto state = read_link(messages_of(bytes).at(0));
  ASSERT_TRUE(state) << state.error().to_string();
  EXPECT_EQ(state->name, "br0");
  EXPECT_EQ(state->kind, "bridge");
  EXPECT_EQ(state->mac, mac("02:00:00:00:00:01"));
  EXPECT_EQ(state->mtu, 1500U);
  EXPECT_TRUE(state->up);
  EXPECT_EQ(state->port_kind, "");
  EXPECT_EQ(state->bridge.vlan_filtering, false);
  EXPECT_EQ(state->master, std::nullopt);
  EXPECT_EQ(state->link, std::nullopt);
}

TEST(GoldenLink, ReadsABridgePort) {
  const Bytes bytes = golden("link_port");
  const auto state = read_link(messages_of(bytes).at(0));
  ASSERT_TRUE(state) << state.error().to_string();
  EXPECT_EQ(state->name, "veth0");
  EXPECT_EQ(state->kind, "veth");
  EXPECT_EQ(state->port_kind, "bridge");
  EXPECT_EQ(state->alias, "fairlead net/id/eth0");
  EXPECT_EQ(state->port.hairpin, true);
  EXPECT_EQ(state->port.isolated, false);
  EXPECT_TRUE(state->master.has_value());
  EXPECT_TRUE(state->link.has_value());
  EXPECT_TRUE(state->link_nsid.has_value());
  EXPECT_EQ(state->promiscuity, 1U);
  EXPECT_FALSE(state->promisc_flag);
}

TEST(GoldenLink, ReadsTheLoopbackLink) {
  const Bytes bytes = golden("link_lo");
  const auto state = read_link(messages_of(bytes).at(0));
  ASSERT_TRUE(state) << state.error().to_string();
  EXPECT_EQ(state->name, "lo");
  EXPECT_EQ(state->kind, "");
  EXPECT_TRUE(state->loopback);
}

TEST(GoldenLink, EveryPrefixIsALinkOrAnError) {
  for (const char* name : {"link_bridge", "link_port", "link_lo"}) {
    read_every_prefix(golden(name), [](const nl::Message& message) {
      const auto state = read_link(message);
      if (state) {
        EXPECT_FALSE(state->name.empty());
      } else {
        EXPECT_EQ(state.error().code, Errc::kIo);
      }
    });
  }
}

TEST(GoldenAddress, ReadsBothFamilies) {
  const Bytes bytes = golden("addresses");
  std::vector<IfaceAddress> addresses;
  for (const nl::Message& message : messages_of(bytes)) {
    const auto state = read_address(message);
    ASSERT_TRUE(state) << state.error().to_string();
    ASSERT_TRUE(state->has_value());
    EXPECT_FALSE((*state)->dad_failed);
    if (!(*state)->address.address().is_link_local()) addresses.push_back((*state)->address);
  }
  EXPECT_THAT(addresses, ::testing::ElementsAre(iface("10.1.0.1/24"), iface("2001:db8:1::1/64")));
}

TEST(GoldenAddress, EveryPrefixIsAnAddressOrAnError) {
  read_every_prefix(golden("addresses"), [](const nl::Message& message) { (void)read_address(message); });
}

std::optional<RouteSpec> golden_route(const Bytes& bytes, const std::string& destination) {
  for (const nl::Message& message : messages_of(bytes)) {
    auto route = read_route(message);
    EXPECT_TRUE(route) << route.error().to_string();
    if (route && *route && (*route)->destination == test::net(destination)) return **route;
  }
  return std::nullopt;
}

TEST(GoldenRoute, ReadsSeveralHopsAndMetrics) {
  const auto route = golden_route(golden("routes4"), "198.51.100.0/24");
  ASSERT_TRUE(route.has_value());
  ASSERT_EQ(route->hops.size(), 2U);
  EXPECT_EQ(route->hops[0].gateway, ip("10.1.0.8"));
  EXPECT_EQ(route->hops[0].weight, 1);
  EXPECT_EQ(route->hops[1].gateway, ip("10.1.0.9"));
  EXPECT_EQ(route->hops[1].weight, 3);
  EXPECT_EQ(route->mtu, 1400U);
  EXPECT_EQ(route->advmss, 1300U);
  EXPECT_EQ(route->table, 254U);
  EXPECT_EQ(route->protocol, RTPROT_BOOT);
}

TEST(GoldenRoute, ReadsAConnectedRoute) {
  const auto route = golden_route(golden("routes4"), "10.1.0.0/24");
  ASSERT_TRUE(route.has_value());
  ASSERT_EQ(route->hops.size(), 1U);
  EXPECT_EQ(route->hops[0].gateway, std::nullopt);
  EXPECT_EQ(route->source, ip("10.1.0.1"));
  EXPECT_EQ(route->scope, RT_SCOPE_LINK);
}

TEST(GoldenRoute, ReadsAnIpv6RouteOfSeveralHops) {
  const auto route = golden_route(golden("routes6"), "2001:db8:2::/64");
  ASSERT_TRUE(route.has_value());
  ASSERT_EQ(route->hops.size(), 2U);
  EXPECT_EQ(route->hops[1].gateway, ip("2001:db8:1::9"));
  EXPECT_EQ(route->priority, 1024U);
  EXPECT_EQ(route->scope, std::nullopt);
}

TEST(GoldenRoute, EveryPrefixIsARouteOrAnError) {
  for (const char* name : {"routes4", "routes6"})
    read_every_prefix(golden(name), [](const nl::Message& message) { (void)read_route(message); });
}

KernelDetail golden_verdict(const std::string& name) {
  const Bytes request = golden(name + ".request");
  const Bytes reply = golden(name + ".reply");
  auto verdict = nl::read_verdict(messages_of(reply).at(0), request);
  EXPECT_TRUE(verdict) << verdict.error().to_string();
  return *std::move(verdict);
}

TEST(GoldenRefusal, CarriesTheKernelsText) {
  const Error error = nl::refusal(golden_verdict("unknown_kind"));
  EXPECT_EQ(error.code, Errc::kUnsupported);
  EXPECT_EQ(error.what, "EOPNOTSUPP: Unknown device type");
}

TEST(GoldenRefusal, CarriesThePathOfTheAttribute) {
  const KernelDetail detail = golden_verdict("short_pvid");
  EXPECT_EQ(detail.err, ERANGE);
  EXPECT_EQ(detail.attribute, "IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_VLAN_DEFAULT_PVID");
  EXPECT_EQ(nl::refusal(detail).what,
            "ERANGE: Attribute failed policy validation "
            "(IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_BR_VLAN_DEFAULT_PVID)");
}

TEST(GoldenRefusal, EveryPrefixIsAVerdictOrAnError) {
  for (const char* name : {"unknown_kind", "short_pvid"}) {
    const Bytes request = golden(std::string(name) + ".request");
    const Bytes reply = golden(std::string(name) + ".reply");
    read_every_prefix(reply, [&](const nl::Message& message) { (void)nl::read_verdict(message, request); });
    for (std::size_t size = 0; size < request.size(); ++size)
      (void)nl::read_verdict(messages_of(reply).at(0), prefix_of(request, size));
  }
}

}  // namespace
}  // namespace fairlead::kernel
