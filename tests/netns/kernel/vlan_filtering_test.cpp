// Bridges that filter VLANs, with real frames:
//
//   container: eth0 -- veth0 --+-- br0 (host) --+-- veth1 -- eth1 :container
//
// A kernel without CONFIG_BRIDGE_VLAN_FILTERING has no such bridge; Debian's has (tests/vm/netns.sh).
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <net/ethernet.h>
#include <netpacket/packet.h>

#include <array>
#include <cstring>

#include "fairlead/kernel.hpp"
#include "fairlead/plan.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint16_t kVlan = 7, kOtherVlan = 9;
constexpr std::uint16_t kEtherType = 0x88b5;  // for local experiments (IEEE 802): nobody else's frame

/// Broadcasts a frame with that mark, tagged unless `vlan` is 0.
void send_frame(const UniqueFd& from, std::uint16_t vlan, std::uint8_t mark) {
  std::vector<std::uint8_t> frame(6, 0xff);
  const auto put16 = [&frame](std::uint16_t number) {
    frame.push_back(static_cast<std::uint8_t>(number >> 8U));
    frame.push_back(static_cast<std::uint8_t>(number));
  };
  for (const int byte : {2, 0, 0, 0, 0, 1}) frame.push_back(static_cast<std::uint8_t>(byte));
  if (vlan != 0) {
    put16(ETHERTYPE_VLAN);
    put16(vlan);
  }
  put16(kEtherType);
  frame.push_back(mark);
  frame.resize(60);
  ASSERT_EQ(send(from.get(), frame.data(), frame.size(), 0), 60) << std::strerror(errno);
}

/// The mark of the next such frame that arrives; the tag is not in the bytes (packet(7), PACKET_AUXDATA).
int next_mark(const UniqueFd& at) {
  for (;;) {
    pollfd wait{.fd = at.get(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, 10'000) != 1) return -1;
    std::array<std::uint8_t, 128> frame{};
    if (recv(at.get(), frame.data(), frame.size(), 0) < 15) continue;
    if (frame[12] == kEtherType >> 8U && frame[13] == (kEtherType & 0xffU)) return frame[14];
  }
}

class VlanFiltering : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    kernel_ = *open_kernel(&container(), Logger());
    const auto trial = kernel_->apply(std::vector{on_host(CreateLink{bridge({.vlan_filtering = true})})});
    if (trial[0].error) {
      EXPECT_EQ(trial[0].error->code, Errc::kUnsupported);
      EXPECT_THAT(trial[0].error->to_string(), HasSubstr("CONFIG_BRIDGE_VLAN_FILTERING"));
      GTEST_SKIP() << "this kernel's bridges do not filter VLANs";
    }
    must({on_host(DeleteLink{name_of("br0")})});
  }
  void TearDown() override {
    kernel_.reset();
    NetnsTest::TearDown();
  }

  static LinkSpec bridge(const BridgeLink& options) {
    LinkSpec spec = bridge_spec("br0");
    spec.kind = options;
    return spec;
  }
  void must(const Plan& ops) {
    const auto applied = apply_plan(*kernel_, ops);
    ASSERT_TRUE(applied) << applied.error().to_string();
  }
  Plan difference(const BridgeLink& options) {
    const Desired desired{Want{.item = WantLink{.spec = bridge(options)}}};
    return *diff(desired, *observe(*kernel_, desired));
  }
  /// A port forwards when the kernel's worker has seen its carrier (linkwatch_do_dev in
  /// net/core/link_watch.c), which is told.
  void add_port(const char* number) {
    const UniqueFd events(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl links{};
    links.nl_family = AF_NETLINK;
    links.nl_groups = RTMGRP_LINK;
    ASSERT_EQ(bind(events.get(), reinterpret_cast<const sockaddr*>(&links), sizeof links), 0);
    LinkSpec port = veth_spec(std::string("veth") + number, std::string("eth") + number);
    port.master = name_of("br0");
    must({on_host(CreateLink{port}), in_container(ChangeLink{existing_up(std::string("eth") + number)})});
    while ((*kernel_->find_link(Side::kHost, port.name))->operstate != IF_OPER_UP) {
      pollfd wait{.fd = events.get(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(poll(&wait, 1, 10'000), 1) << "no carrier";
      std::array<char, 8192> event{};
      ASSERT_GT(recv(events.get(), event.data(), event.size(), 0), 0) << std::strerror(errno);
    }
  }
  /// A socket for raw frames on a link of the container.
  UniqueFd packet_socket(const char* link) {
    const LinkIndex index = (*kernel_->find_link(Side::kContainer, name_of(link)))->index;
    UniqueFd fd;
    EXPECT_TRUE(container().run([&]() -> Result<void> {
      fd = UniqueFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
      sockaddr_ll address{};
      address.sll_family = AF_PACKET;
      address.sll_protocol = htons(ETH_P_ALL);
      address.sll_ifindex = static_cast<int>(index.value);
      EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
          << std::strerror(errno);
      return {};
    }));
    return fd;
  }
  BridgeLink options() { return (*kernel_->find_link(Side::kHost, name_of("br0")))->bridge; }

  std::unique_ptr<Kernel> kernel_;
};

TEST_F(VlanFiltering, ABridgeIsBornWithItsOptions) {
  for (const BridgeLink& wanted : {BridgeLink{.vlan_filtering = true, .vlan_default_pvid = kVlan},
                                   BridgeLink{.vlan_filtering = true, .vlan_default_pvid = 0},
                                   BridgeLink{.vlan_filtering = false, .vlan_default_pvid = 1}}) {
    must(difference(wanted));
    EXPECT_EQ(options(), wanted);
    EXPECT_TRUE(difference(wanted).empty());
    must({on_host(DeleteLink{name_of("br0")})});
  }
}

TEST_F(VlanFiltering, OneChangeBringsBothOptionsToABridgeThatHasNone) {
  must(difference({}));
  EXPECT_EQ(options(), (BridgeLink{.vlan_filtering = false, .vlan_default_pvid = 1}));
  const BridgeLink wanted{.vlan_filtering = true, .vlan_default_pvid = kVlan};
  const Plan plan = difference(wanted);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].reason, "vlan_filtering is off, want on; vlan_default_pvid is 1, want 7");
  must(plan);
  EXPECT_EQ(options(), wanted);
  EXPECT_TRUE(difference(wanted).empty());
}

TEST_F(VlanFiltering, AVlanIdThatIsNoneIsRefused) {
  const auto outcome =
      kernel_->apply(std::vector{on_host(CreateLink{bridge({.vlan_default_pvid = 4095})})}).front();
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, Errc::kInvalid) << outcome.error->to_string();
}

TEST_F(VlanFiltering, FramesOfAnotherVlanPassOnlyWhereItIsOff) {
  must(difference({.vlan_default_pvid = kVlan}));
  add_port("0");
  add_port("1");
  const UniqueFd sender = packet_socket("eth0"), receiver = packet_socket("eth1");
  send_frame(sender, kOtherVlan, 1);
  EXPECT_EQ(next_mark(receiver), 1);

  must(difference({.vlan_filtering = true}));
  send_frame(sender, kOtherVlan, 2);  // dropped, or it would arrive before the next one
  send_frame(sender, kVlan, 3);
  EXPECT_EQ(next_mark(receiver), 3);
  send_frame(sender, kOtherVlan, 4);
  send_frame(sender, 0, 5);  // into the default VLAN
  EXPECT_EQ(next_mark(receiver), 5);

  must(difference({.vlan_filtering = false}));
  send_frame(sender, kOtherVlan, 6);
  EXPECT_EQ(next_mark(receiver), 6);
}

}  // namespace
}  // namespace fairlead::test
