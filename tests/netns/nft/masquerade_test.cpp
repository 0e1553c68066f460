// Masquerading with real packets:
//
//   c1 10.1.1.2, fd01::2 --+-- br0 (10.1.1.1, 10.1.9.1, fd01::1) -- host -- wan 192.0.2.1 -- out 192.0.2.2
//   c2 10.1.1.3, fd01::3 --|                                          |                     2001:db8::2
//   c3 10.1.9.2          --+                          br1 10.1.2.1 ---+--- c4 10.1.2.2 (not masqueraded)
//
// c3 stands in another network that shares br0. Each receiver sends back the source address that it saw.
#include <arpa/inet.h>
#include <linux/mroute.h>
#include <linux/mroute6.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "fairlead/netns.hpp"
#include "firewall/masquerade.hpp"
#include "firewall/tables.hpp"
#include "nft_fixture.hpp"

namespace fairlead::nft {
namespace {

/// A UDP socket born in a namespace.
UniqueFd udp_socket(const std::string& ns, int family) {
  UniqueFd fd;
  const auto open = [&]() -> Result<void> {
    fd = UniqueFd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return {};
  };
  EXPECT_TRUE(Netns::open("/run/netns/" + ns)->run(open));
  EXPECT_TRUE(fd.valid()) << ns << ": " << std::strerror(errno);
  return fd;
}

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Endpoint endpoint(const std::string& address, std::uint16_t port) {
  Endpoint result;
  if (address.find(':') == std::string::npos) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    *v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
    inet_pton(AF_INET, address.c_str(), &v4->sin_addr);
    result.size = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    *v6 = {.sin6_family = AF_INET6,
           .sin6_port = htons(port),
           .sin6_flowinfo = 0,
           .sin6_addr = {},
           .sin6_scope_id = 0};
    inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr);
    result.size = sizeof *v6;
  }
  return result;
}

std::string address_of(const Endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (endpoint.storage.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&endpoint.storage)->sin_addr, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&endpoint.storage)->sin6_addr, text,
              sizeof text);
  }
  return text;
}

bool readable(const UniqueFd& fd) {
  pollfd one{.fd = fd.get(), .events = POLLIN, .revents = 0};
  return poll(&one, 1, 10'000) == 1;
}

/// Sends a datagram from one namespace to `address` in another: the source that arrives there, and the
/// answer must come back from the address that was asked.
std::string seen_source(const std::string& from, const std::string& to, const std::string& address) {
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  const UniqueFd server = udp_socket(to, family), client = udp_socket(from, family);
  Endpoint bound = endpoint(address, 0);
  if (bind(server.get(), bound.get(), bound.size) != 0) return std::string("bind: ") + std::strerror(errno);
  bound.size = sizeof bound.storage;
  getsockname(server.get(), bound.get(), &bound.size);
  if (sendto(client.get(), "?", 1, 0, bound.get(), bound.size) != 1)
    return std::string("send: ") + std::strerror(errno);
  if (!readable(server)) return "nothing arrived";
  char byte = 0;
  Endpoint source{.size = sizeof(sockaddr_storage)}, answered{.size = sizeof(sockaddr_storage)};
  if (recvfrom(server.get(), &byte, 1, 0, source.get(), &source.size) != 1) return "nothing received";
  if (sendto(server.get(), "!", 1, 0, source.get(), source.size) != 1)
    return std::string("answer: ") + std::strerror(errno);
  if (!readable(client)) return "no answer";
  if (recvfrom(client.get(), &byte, 1, 0, answered.get(), &answered.size) != 1) return "no answer received";
  EXPECT_EQ(address_of(answered), address);
  return address_of(source);
}

class Masquerade : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    must_run(R"(set -e
      mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && mount --make-shared /run/netns
      for ns in host c1 c2 c3 c4 out; do
        ip netns add $ns
        # A link-local address that waits for duplicate address detection asks no neighbour for anything.
        nsenter --net=/run/netns/$ns sh -c 'for c in all default; do echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad; done'
      done
      nsenter --net=/run/netns/host sh -c 'for f in ipv4/ip_forward ipv6/conf/all/forwarding; do echo 1 > /proc/sys/net/$f; done'
      {
        for br in br0 br1; do echo "link add $br type bridge"; echo "link set $br up"; done
        for port in c1:br0 c2:br0 c3:br0 c4:br1; do
          echo "link add v${port%:*} type veth peer name eth0 netns ${port%:*}"
          echo "link set v${port%:*} master ${port#*:} up"
        done
        echo 'link set lo up
          addr add 10.1.1.1/24 dev br0
          addr add 10.1.9.1/24 dev br0
          addr add fd01::1/64 dev br0 nodad
          addr add 10.1.2.1/24 dev br1
          addr add fd02::1/64 dev br1 nodad
          link add wan type veth peer name eth0 netns out
          link set wan up
          addr add 192.0.2.1/24 dev wan
          addr add 2001:db8::1/64 dev wan nodad'
      } | ip -n host -batch -
      end() { # namespace, addresses, then its routes
        ns=$1; shift
        { printf '%s\n' 'link set lo up' 'link set eth0 up' "addr add $1 dev eth0" "addr add $2 dev eth0 nodad"
          shift 2; printf 'route add %s\n' "$@"; } | ip -n $ns -batch -
      }
      end c1 10.1.1.2/24 fd01::2/64 'default via 10.1.1.1' 'default via fd01::1'
      end c2 10.1.1.3/24 fd01::3/64 'default via 10.1.1.1' 'default via fd01::1'
      end c3 10.1.9.2/24 fd01::4/64 'default via 10.1.9.1' 'default via fd01::1'
      end c4 10.1.2.2/24 fd02::2/64 'default via 10.1.2.1' 'default via fd02::1'
      end out 192.0.2.2/24 2001:db8::2/64 '10.1.0.0/16 via 192.0.2.1' 'fd00::/8 via 2001:db8::1')");
    must_run(std::string("nsenter --net=/run/netns/host sh -c 'for x in ip ip6; do echo ") + GetParam() +
             " > /proc/sys/net/bridge/bridge-nf-call-${x}tables; done'");
    attach({"10.1.1.2/24", "fd01::2/64"});
    attach({"10.1.1.3/24", "fd01::3/64"});
    attach({"10.1.9.2/24", "fd01::4/64"});
  }

  void TearDown() override {
    must_run("for ns in host c1 c2 c3 c4 out; do ip netns del $ns; done; umount /run/netns");
  }

  static void attach(const std::vector<std::string>& texts) {
    std::vector<IfaceAddress> addresses;
    for (const std::string& text : texts) addresses.push_back(*IfaceAddress::parse(text));
    std::vector<Op> ops{ensure(firewall::inet_table())};
    for (const Element& element : firewall::masquerade_elements(link("br0"), addresses, texts[0]))
      ops.push_back(add(element));
    EXPECT_TRUE(Netns::open("/run/netns/host")->run([&]() -> Result<void> {
      Channel channel = open_channel();
      const auto outcomes = channel.apply(ops);
      EXPECT_TRUE(all_done(outcomes)) << text_of(outcomes);
      return {};
    }));
  }
};

TEST_P(Masquerade, TheWorldSeesTheHostsAddress) {
  EXPECT_EQ(seen_source("c1", "out", "192.0.2.2"), "192.0.2.1");
  EXPECT_EQ(seen_source("c1", "out", "2001:db8::2"), "2001:db8::1");
  EXPECT_EQ(seen_source("c3", "out", "192.0.2.2"), "192.0.2.1");
}

TEST_P(Masquerade, AnotherBridgeOfTheHostSeesTheHostsAddress) {
  EXPECT_EQ(seen_source("c1", "c4", "10.1.2.2"), "10.1.2.1");
  EXPECT_EQ(seen_source("c1", "c4", "fd02::2"), "fd02::1");
}

TEST_P(Masquerade, NeighboursOnTheBridgeSeeTheContainersAddress) {
  EXPECT_EQ(seen_source("c1", "c2", "10.1.1.3"), "10.1.1.2");
  EXPECT_EQ(seen_source("c1", "c2", "fd01::3"), "fd01::2");
}

TEST_P(Masquerade, NetworksThatShareTheBridgeSeeTheContainersAddress) {
  EXPECT_EQ(seen_source("c1", "c3", "10.1.9.2"), "10.1.1.2");
  EXPECT_EQ(seen_source("c3", "c1", "10.1.1.2"), "10.1.9.2");
}

TEST_P(Masquerade, TheHostSeesTheContainersAddressAndTheContainerTheHosts) {
  EXPECT_EQ(seen_source("c1", "host", "192.0.2.1"), "10.1.1.2");
  EXPECT_EQ(seen_source("c1", "host", "fd01::1"), "fd01::2");
  EXPECT_EQ(seen_source("host", "c1", "10.1.1.2"), "10.1.1.1");
  EXPECT_EQ(seen_source("host", "c1", "fd01::2"), "fd01::1");
}

TEST_P(Masquerade, AnswersToConnectionsFromOutsideKeepTheirAddress) {
  // seen_source() fails if the answer comes from another address than the one asked.
  EXPECT_EQ(seen_source("out", "c1", "10.1.1.2"), "192.0.2.2");
  EXPECT_EQ(seen_source("out", "c1", "fd01::2"), "2001:db8::2");
}

TEST_P(Masquerade, AnAttachmentWithoutItKeepsItsAddress) {
  EXPECT_EQ(seen_source("c4", "out", "192.0.2.2"), "10.1.2.2");
  EXPECT_EQ(seen_source("c4", "out", "2001:db8::2"), "fd02::2");
}

TEST_P(Masquerade, AnAddressOfOneBridgeIsNotMasqueradedOnAnother) {
  must_run(
      "ip -n host addr flush dev br1 && ip -n host addr add 10.1.2.1/24 dev br1 && ip -n c4 addr add "
      "10.1.1.2/32 dev lo");
  must_run("ip -n host route add 192.0.2.2/32 dev wan && ip -n out route add 10.1.1.2/32 via 192.0.2.1");
  must_run("ip -n host route replace 10.1.1.2/32 via 10.1.2.2");
  must_run("ip -n c4 route replace default via 10.1.2.1 src 10.1.1.2");
  must_run(
      "for x in all br1; do nsenter --net=/run/netns/host sh -c \"echo 0 > "
      "/proc/sys/net/ipv4/conf/$x/rp_filter\"; done");
  EXPECT_EQ(seen_source("c4", "out", "192.0.2.2"), "10.1.1.2");
}

/// Sends again until it arrives: nothing else would, and a bridge port whose far end has just come up
/// forwards only once the kernel's linkwatch has seen its carrier.
bool arrives(const UniqueFd& client, Endpoint& group, const UniqueFd& server) {
  constexpr int kTries = 100, kPauseMs = 100;
  for (int i = 0; i < kTries; ++i) {
    EXPECT_EQ(sendto(client.get(), "?", 1, 0, group.get(), group.size), 1);
    pollfd waiting{.fd = server.get(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, kPauseMs) == 1) return true;
  }
  return false;
}

/// Routes what `source` sends to `group` from br0 to wan for as long as the socket lives.
UniqueFd multicast_router(const char* source, const char* group) {
  UniqueFd fd;
  EXPECT_TRUE(Netns::open("/run/netns/host")->run([&]() -> Result<void> {
    fd = UniqueFd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_IGMP));
    const int on = 1;
    EXPECT_EQ(setsockopt(fd.get(), IPPROTO_IP, MRT_INIT, &on, sizeof on), 0) << std::strerror(errno);
    std::uint16_t number = 0;
    for (const char* name : {"br0", "wan"}) {
      vifctl vif{};
      vif.vifc_vifi = number++;
      vif.vifc_flags = VIFF_USE_IFINDEX;
      vif.vifc_threshold = 1;
      vif.vifc_lcl_ifindex = static_cast<int>(if_nametoindex(name));
      EXPECT_EQ(setsockopt(fd.get(), IPPROTO_IP, MRT_ADD_VIF, &vif, sizeof vif), 0) << std::strerror(errno);
    }
    mfcctl route{};
    inet_pton(AF_INET, source, &route.mfcc_origin);
    inet_pton(AF_INET, group, &route.mfcc_mcastgrp);
    route.mfcc_parent = 0;
    route.mfcc_ttls[1] = 1;
    EXPECT_EQ(setsockopt(fd.get(), IPPROTO_IP, MRT_ADD_MFC, &route, sizeof route), 0) << std::strerror(errno);
    return {};
  }));
  return fd;
}

TEST_P(Masquerade, RoutedMulticastKeepsTheContainersAddress) {
  const UniqueFd router = multicast_router("10.1.1.2", "239.1.2.3");
  const UniqueFd server = udp_socket("out", AF_INET), client = udp_socket("c1", AF_INET);
  Endpoint group = endpoint("239.1.2.3", 5000);
  ASSERT_EQ(bind(server.get(), group.get(), group.size), 0);
  ip_mreq join{};
  inet_pton(AF_INET, "239.1.2.3", &join.imr_multiaddr);
  inet_pton(AF_INET, "192.0.2.2", &join.imr_interface);
  ASSERT_EQ(setsockopt(server.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join), 0);
  const int ttl = 8;
  ASSERT_EQ(setsockopt(client.get(), IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl), 0);
  ASSERT_TRUE(arrives(client, group, server));
  char byte = 0;
  Endpoint source{.size = sizeof(sockaddr_storage)};
  ASSERT_EQ(recvfrom(server.get(), &byte, 1, 0, source.get(), &source.size), 1);
  EXPECT_EQ(address_of(source), "10.1.1.2");
}

/// The same for IPv6.
UniqueFd multicast_router6(const char* source, const char* group) {
  UniqueFd fd;
  EXPECT_TRUE(Netns::open("/run/netns/host")->run([&]() -> Result<void> {
    fd = UniqueFd(socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
    const int on = 1;
    EXPECT_EQ(setsockopt(fd.get(), IPPROTO_IPV6, MRT6_INIT, &on, sizeof on), 0) << std::strerror(errno);
    std::uint16_t number = 0;
    for (const char* name : {"br0", "wan"}) {
      mif6ctl mif{};
      mif.mif6c_mifi = number++;
      mif.vifc_threshold = 1;
      mif.mif6c_pifi = static_cast<std::uint16_t>(if_nametoindex(name));
      EXPECT_EQ(setsockopt(fd.get(), IPPROTO_IPV6, MRT6_ADD_MIF, &mif, sizeof mif), 0)
          << std::strerror(errno);
    }
    mf6cctl route{};
    inet_pton(AF_INET6, source, &route.mf6cc_origin.sin6_addr);
    inet_pton(AF_INET6, group, &route.mf6cc_mcastgrp.sin6_addr);
    route.mf6cc_parent = 0;
    IF_SET(1, &route.mf6cc_ifset);
    EXPECT_EQ(setsockopt(fd.get(), IPPROTO_IPV6, MRT6_ADD_MFC, &route, sizeof route), 0)
        << std::strerror(errno);
    return {};
  }));
  return fd;
}

TEST_P(Masquerade, RoutedIpv6MulticastKeepsTheContainersAddress) {
  const UniqueFd router = multicast_router6("fd01::2", "ff05::1234");
  const UniqueFd server = udp_socket("out", AF_INET6), client = udp_socket("c1", AF_INET6);
  Endpoint group = endpoint("ff05::1234", 5000);
  ASSERT_EQ(bind(server.get(), group.get(), group.size), 0);
  ASSERT_TRUE(Netns::open("/run/netns/out")->run([&]() -> Result<void> {
    ipv6_mreq join{};
    inet_pton(AF_INET6, "ff05::1234", &join.ipv6mr_multiaddr);
    join.ipv6mr_interface = if_nametoindex("eth0");
    EXPECT_EQ(setsockopt(server.get(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &join, sizeof join), 0);
    return {};
  }));
  Endpoint own = endpoint("fd01::2", 0);
  ASSERT_EQ(bind(client.get(), own.get(), own.size), 0);
  const int hops = 8;
  ASSERT_EQ(setsockopt(client.get(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof hops), 0);
  ASSERT_TRUE(arrives(client, group, server));
  char byte = 0;
  Endpoint source{.size = sizeof(sockaddr_storage)};
  ASSERT_EQ(recvfrom(server.get(), &byte, 1, 0, source.get(), &source.size), 1);
  EXPECT_EQ(address_of(source), "fd01::2");
}

INSTANTIATE_TEST_SUITE_P(BridgeNfCall, Masquerade, testing::Values("0", "1"));

}  // namespace
}  // namespace fairlead::nft
