// What NetlinkKernel does beyond the contract: how much it sends, and what the running kernel makes of it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>

#include <deque>

#include "fairlead/plan.hpp"
#include "kernel/netlink_kernel.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/ops.hpp"
#include "tests/support/seccomp.hpp"

namespace fairlead::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Counts the sends of the sockets that a kernel object opens, in the order of their opening.
class CountingTransport final : public nl::Transport {
 public:
  CountingTransport(std::unique_ptr<nl::Transport> inner, int& sends)
      : inner_(std::move(inner)), sends_(sends) {}
  Result<void> send(nl::ByteView datagram) override {
    ++sends_;
    return inner_->send(datagram);
  }
  Result<std::size_t> receive(std::span<std::byte> buffer) override { return inner_->receive(buffer); }
  [[nodiscard]] std::uint32_t port() const override { return inner_->port(); }
  [[nodiscard]] int fd() const override { return inner_->fd(); }

 private:
  std::unique_ptr<nl::Transport> inner_;
  int& sends_;
};

class NetlinkKernelTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    kernel_ = *open_kernel(&container(), Logger());
  }
  void TearDown() override {
    kernel_.reset();
    NetnsTest::TearDown();
  }
  void must(const std::vector<Op>& ops) { must(*kernel_, ops); }
  static void must(Kernel& kernel, const std::vector<Op>& ops) {
    const auto outcomes = kernel.apply(ops);
    for (std::size_t i = 0; i < ops.size(); ++i)
      ASSERT_EQ(outcomes[i].status, OpStatus::kDone)
          << describe(ops[i]) << ": " << (outcomes[i].error ? outcomes[i].error->to_string() : "not sent");
  }
  LinkState link(Side side, const std::string& name) { return **kernel_->find_link(side, name_of(name)); }
  std::string failure_of(const Op& op) {
    const auto outcome = kernel_->apply(std::vector{op}).front();
    EXPECT_TRUE(outcome.error.has_value()) << describe(op);
    return outcome.error ? outcome.error->to_string() : "";
  }
  std::unique_ptr<Kernel> kernel_;
};

LinkSpec attached_veth(const std::string& name) {
  LinkSpec veth = veth_spec(name, "eth0");
  std::get<VethLink>(veth.kind).peer.mac = mac("02:00:00:00:00:02");
  veth.master = name_of("br0");
  veth.alias = "fairlead net/id/eth0";
  veth.port.hairpin = true;
  return veth;
}

std::vector<Op> attachment(const std::string& name) {
  LinkSpec eth0 = existing_up("eth0");
  eth0.arp_notify = true;
  return {on_host(CreateLink{attached_veth(name)}),
          in_container(ChangeLink{eth0}),
          in_container(AddAddress{name_of("eth0"), {.address = iface("10.1.0.2/24")}}),
          in_container(AddAddress{name_of("eth0"), {.address = iface("2001:db8:1::2/64")}}),
          in_container(AddRoute{route_via("0.0.0.0/0", "eth0", "10.1.0.1")}),
          in_container(AddRoute{route_via("::/0", "eth0", "2001:db8:1::1")})};
}

TEST_F(NetlinkKernelTest, SendsAWholeAttachmentInOneDatagramPerNamespace) {
  must({on_host(CreateLink{bridge_spec("br0")})});
  std::deque<int> sends;
  kernel::NetlinkKernel counted(&container(), Logger(), [&sends]() -> Result<std::unique_ptr<nl::Transport>> {
    FAIRLEAD_TRY(auto inner, nl::open_rtnetlink());
    return std::unique_ptr<nl::Transport>(
        std::make_unique<CountingTransport>(std::move(inner), sends.emplace_back(0)));
  });
  ASSERT_TRUE(counted.open());
  // What an observation asks.
  ASSERT_TRUE(*counted.find_link(Side::kHost, name_of("br0")));
  ASSERT_FALSE(*counted.find_link(Side::kHost, name_of("veth0")));
  sends[0] = 0;
  must(counted, attachment("veth0"));
  EXPECT_THAT(sends, ElementsAre(1, 1));
}

TEST_F(NetlinkKernelTest, LeavesAWholeAttachmentAsWanted) {
  must({on_host(CreateLink{bridge_spec("br0")})});
  must(attachment("veth0"));
  EXPECT_EQ(link(Side::kHost, "veth0").alias, "fairlead net/id/eth0");
  EXPECT_EQ(link(Side::kHost, "veth0").port.hairpin, true);
  EXPECT_EQ(link(Side::kContainer, "eth0").mac, mac("02:00:00:00:00:02"));
  const auto addresses = kernel_->addresses(Side::kContainer, link(Side::kContainer, "eth0").index);
  for (const AddressState& address : *addresses) {
    if (address.address.address().is_link_local()) continue;
    EXPECT_FALSE(address.tentative) << address.address.to_string();
  }
}

TEST_F(NetlinkKernelTest, DeletesWithoutWaitingForTheKernelAndWithoutChildren) {
  must({on_host(CreateLink{bridge_spec("br0")})});
  for (int i = 0; i < 8; ++i) {
    must(attachment("veth0"));
    must({on_host(DeleteLink{name_of("veth0")})});
    EXPECT_FALSE(kernel_->find_link(Side::kHost, name_of("veth0"))->has_value());
  }
  EXPECT_EQ(waitpid(-1, nullptr, __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
}

/// A table with one set and one element of it.
struct TableWithElement {
  nft::TableSpec table{.name = "test", .sets = {{.name = "links", .key = {nft::FieldType::kIfname}}}};
  nft::Element element{.set = {.table = "test", .set = "links"},
                       .key = nft::KeyBuilder().ifname(name_of("veth0")).take()};
  [[nodiscard]] std::vector<Op> additions() const {
    return {on_host(EnsureTable{table}), on_host(AddElement{element})};
  }
};

TEST_F(NetlinkKernelTest, OneChildServesTheElementAndTheLink) {
  const TableWithElement own;
  must({on_host(CreateLink{bridge_spec("br0")})});
  must(attachment("veth0"));
  must(own.additions());
  must({on_host(RemoveElement{own.element}), on_host(DeleteLink{name_of("veth0")})});
  EXPECT_EQ(*kernel_->has_elements(std::vector{own.element}), std::vector{false});
  must(own.additions());  // on another socket
  EXPECT_EQ(*kernel_->has_elements(std::vector{own.element}), std::vector{true});
  EXPECT_EQ(waitpid(-1, nullptr, __WALL), -1);
}

TEST_F(NetlinkKernelTest, ASocketThatDeletedAnElementOutlivesItsKernelObject) {
  const TableWithElement own;
  must(own.additions());
  must({on_host(RemoveElement{own.element})});
  kernel_.reset();
  EXPECT_EQ(waitpid(-1, nullptr, __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
  kernel_ = *open_kernel(&container(), Logger());
  EXPECT_EQ(*kernel_->has_elements(std::vector{own.element}), std::vector{false});
}

TEST_F(NetlinkKernelTest, DeletesInLineWhereNoProcessCanBeMade) {
  must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  const bool deleted = in_a_process_without(SYS_clone, EAGAIN, [this] {
    return kernel_->apply(std::vector{on_host(DeleteLink{name_of("veth0")})}).front().status ==
           OpStatus::kDone;
  });
  EXPECT_TRUE(deleted);
  EXPECT_FALSE(kernel_->find_link(Side::kHost, name_of("veth0"))->has_value());
}

TEST_F(NetlinkKernelTest, BridgeKeepsItsMtuAndMacWhenPortsComeAndGo) {
  LinkSpec bridge = bridge_spec("br0");
  bridge.mtu = *Mtu::make(1400);
  bridge.mac = mac("02:00:00:00:00:01");
  must({on_host(CreateLink{bridge})});
  must(attachment("veth0"));
  EXPECT_EQ(link(Side::kHost, "br0").mtu, 1400U);
  must({on_host(DeleteLink{name_of("veth0")})});
  EXPECT_EQ(link(Side::kHost, "br0").mtu, 1400U);
  EXPECT_EQ(link(Side::kHost, "br0").mac, mac("02:00:00:00:00:01"));
}

TEST_F(NetlinkKernelTest, GivesAVethOneQueue) {
  must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  // /sys shows the namespace that it was mounted in, so ethtool's socket is asked instead: with one
  // queue the kernel has no more transmit queues than that to configure.
  const auto transmit_queues = [](const char* name) {
    const UniqueFd file(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::array<unsigned, 9> channels{0x3c};  // ETHTOOL_GCHANNELS; [2] is max_tx
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(channels.data());
    constexpr unsigned long kSiocEthtool = 0x8946;
    EXPECT_EQ(ioctl(file.get(), kSiocEthtool, &request), 0) << std::strerror(errno);
    return channels[2];
  };
  EXPECT_EQ(transmit_queues("veth0"), 1U);
  ASSERT_TRUE(container().run([&]() -> Result<void> {
    EXPECT_EQ(transmit_queues("eth0"), 1U);
    return {};
  }));
}

TEST_F(NetlinkKernelTest, ArpNotifyAnnouncesTheAddressWhenTheLinkComesUp) {
  must({on_host(CreateLink{veth_spec("veth0", "eth0")}),
        in_container(AddAddress{name_of("eth0"), {.address = iface("10.1.0.2/24")}})});
  const UniqueFd sniffer(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETHERTYPE_ARP)));
  ASSERT_TRUE(sniffer.valid());
  LinkSpec eth0 = existing_up("eth0");
  eth0.arp_notify = true;
  must({in_container(ChangeLink{eth0})});
  pollfd wait{.fd = sniffer.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&wait, 1, 5000), 1) << "no gratuitous ARP";
  std::array<unsigned char, 64> packet{};
  ASSERT_GE(recv(sniffer.get(), packet.data(), packet.size(), 0), 28);
  const std::array<unsigned char, 4> sender{10, 1, 0, 2};
  EXPECT_TRUE(std::equal(sender.begin(), sender.end(), packet.begin() + 14));
}

TEST_F(NetlinkKernelTest, SaysWhyTheKernelRefuses) {
  must({on_host(CreateLink{bridge_spec("br0")})});
  EXPECT_EQ(failure_of(on_host(CreateLink{bridge_spec("br0")})).rfind("create bridge br0", 0), 0U);
  EXPECT_THAT(failure_of(on_host(CreateLink{bridge_spec("br0")})), HasSubstr("EEXIST"));

  LinkSpec small = veth_spec("veth0", "eth0");
  small.mtu = *Mtu::make(70'000);
  EXPECT_THAT(failure_of(on_host(CreateLink{small})), HasSubstr("MTU 70000: a veth takes up to 65535 bytes"));

  LinkSpec multicast = veth_spec("veth0", "eth0");
  multicast.mac = mac("03:00:00:00:00:01");
  EXPECT_THAT(failure_of(on_host(CreateLink{multicast})),
              HasSubstr("the MAC address is not a unicast address"));

  EXPECT_THAT(failure_of(in_container(AddRoute{route_via("10.0.0.0/8", "eth7")})),
              HasSubstr("ENODEV: there is no link eth7 in the container"));
  must({on_host(CreateLink{veth_spec("veth0", "eth0")}), in_container(ChangeLink{existing_up("eth0")})});
  EXPECT_THAT(failure_of(in_container(AddRoute{route_via("0.0.0.0/0", "eth0", "192.0.2.1")})),
              HasSubstr("ENETUNREACH: Nexthop has invalid gateway"));
}

TEST_F(NetlinkKernelTest, ALinkThatAnotherDeletedIsNotFound) {
  must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  const auto other = *open_kernel(&container(), Logger());
  ASSERT_TRUE(kernel_->find_link(Side::kHost, name_of("veth0"))->has_value());
  must(*other, {on_host(DeleteLink{name_of("veth0")})});
  const auto outcome = kernel_->apply(std::vector{on_host(DeleteLink{name_of("veth0")})}).front();
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  EXPECT_EQ(outcome.error->code, Errc::kNotFound);
}

TEST_F(NetlinkKernelTest, ALinkThatAnotherMadeSinceWeLookedIsNeitherChangedNorDeleted) {
  LinkSpec bridge = bridge_spec("br0");
  bridge.alias = "fairlead bridge";
  bridge.mtu = *Mtu::make(1400);
  LinkSpec veth = veth_spec("veth0", "eth0");
  veth.alias = "fairlead net/id/eth0";
  for (const char* name : {"br0", "veth0"}) ASSERT_FALSE(*kernel_->find_link(Side::kHost, name_of(name)));
  const auto other = *open_kernel(nullptr, Logger());
  must(*other, {on_host(CreateLink{bridge_spec("br0")}), on_host(CreateLink{bridge_spec("veth0")})});

  const auto shared = apply_plan(*kernel_, {{.action = CreateLink{bridge}, .shared = true}});
  ASSERT_FALSE(shared);
  EXPECT_EQ(shared.error().code, Errc::kExists);
  EXPECT_EQ(link(Side::kHost, "br0").alias, "");
  EXPECT_EQ(link(Side::kHost, "br0").mtu, 1500U);

  const auto own = apply_plan(*kernel_, {on_host(CreateLink{veth})});
  ASSERT_FALSE(own);
  EXPECT_THAT(own.error().to_string(), HasSubstr("veth0 exists already on the host"));
  EXPECT_EQ(link(Side::kHost, "veth0").kind, "bridge");  // it is still there
}

TEST_F(NetlinkKernelTest, ReplacingTheAddressOfALinkKeepsItsOtherRoutes) {
  must({on_host(CreateLink{bridge_spec("br0")}),
        on_host(AddAddress{name_of("br0"), {.address = iface("10.0.0.1/8")}}),
        on_host(AddRoute{route_via("192.0.2.0/24", "br0")})});
  const Desired desired{Want{.shared = true,
                             .item = WantAddress{.link = name_of("br0"),
                                                 .address = {.address = iface("10.1.2.1/24")},
                                                 .conflict = AddressConflict::kReplace}}};
  const auto plan = diff(desired, *observe(*kernel_, desired));
  ASSERT_TRUE(plan);
  const auto applied = apply_plan(*kernel_, *plan);
  ASSERT_TRUE(applied) << applied.error().to_string();
  std::vector<std::string> destinations;
  for (const RouteSpec& route : *kernel_->routes(Side::kHost, {})) {
    destinations.push_back(route.destination.to_string());
  }
  EXPECT_THAT(destinations, ::testing::UnorderedElementsAre("10.1.2.0/24", "192.0.2.0/24"));
}

TEST_F(NetlinkKernelTest, HasNothingToSayAboutAContainerThatItWasNotGiven) {
  const auto alone = *open_kernel(nullptr, Logger());
  EXPECT_FALSE(alone->has_container());
  EXPECT_EQ(alone->links(Side::kContainer).error().code, Errc::kNotFound);
  const auto outcome = alone->apply(std::vector{on_host(CreateLink{veth_spec("veth0", "eth0")})}).front();
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  EXPECT_EQ(outcome.error->code, Errc::kNotFound);
}

TEST_F(NetlinkKernelTest, BearsAPeerOnTheHostToo) {
  LinkSpec spec = veth_spec("eth0", "veth0");
  std::get<VethLink>(spec.kind).peer.side = Side::kHost;
  must({in_container(CreateLink{spec}), on_host(ChangeLink{existing_up("veth0")})});
  EXPECT_TRUE(link(Side::kHost, "veth0").up);
  EXPECT_EQ(link(Side::kContainer, "eth0").link, link(Side::kHost, "veth0").index);
}

TEST_F(NetlinkKernelTest, TracesEveryMessage) {
  std::vector<std::string> lines;
  const Logger log([&lines](LogLevel, std::string_view, std::string_view text) { lines.emplace_back(text); });
  const auto traced = *open_kernel(&container(), log);
  must(*traced, {on_host(CreateLink{bridge_spec("br0")})});
  EXPECT_THAT(lines, ::testing::Contains(HasSubstr("host > RTM_NEWLINK")));
  EXPECT_THAT(lines, ::testing::Contains(::testing::AllOf(HasSubstr("host < NLMSG_ERROR"), HasSubstr("ok"))));
}

TEST_F(NetlinkKernelTest, AFullBridgeIsExhausted) {
  constexpr int kPorts = 1023;
  std::vector<Op> ops{on_host(CreateLink{bridge_spec("br0")})};
  for (int i = 0; i < kPorts; ++i) {
    LinkSpec spec = veth_spec("veth" + std::to_string(i), "eth" + std::to_string(i));
    spec.master = name_of("br0");
    spec.up.reset();
    ops.push_back(on_host(CreateLink{spec}));
  }
  must(ops);
  LinkSpec more = veth_spec("veth-more", "eth-more");
  more.master = name_of("br0");
  const auto outcome = kernel_->apply(std::vector{on_host(CreateLink{more})}).front();
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  EXPECT_EQ(outcome.error->code, Errc::kExhausted);
  EXPECT_THAT(outcome.error->what, HasSubstr("a Linux bridge takes 1,023 ports"));
  EXPECT_FALSE(kernel_->find_link(Side::kHost, name_of("veth-more"))->has_value());
  EXPECT_EQ(kernel_->links(Side::kHost)->size(), kPorts + 2U);  // br0 and lo
}

}  // namespace
}  // namespace fairlead::test
