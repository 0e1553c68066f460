// Records tests/golden/netlink from the running kernel:
//   FAIRLEAD_RECORD_DIR=tests/golden/netlink netns_net --gtest_also_run_disabled_tests
//   --gtest_filter='*Record*'
#include <linux/rtnetlink.h>

#include <cstdlib>
#include <fstream>

#include "fairlead/kernel.hpp"
#include "kernel/address_codec.hpp"
#include "kernel/link_codec.hpp"
#include "kernel/route_codec.hpp"
#include "nl/client.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::test {
namespace {

using Bytes = std::vector<std::byte>;

/// Keeps what was received last.
class RecordingTransport final : public nl::Transport {
 public:
  explicit RecordingTransport(Bytes& last) : inner_(*nl::open_rtnetlink()), last_(last) {}
  Result<void> send(nl::ByteView datagram) override { return inner_->send(datagram); }
  Result<std::size_t> receive(std::span<std::byte> buffer) override {
    auto size = inner_->receive(buffer);
    if (size) last_.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
    return size;
  }
  [[nodiscard]] std::uint32_t port() const override { return inner_->port(); }
  [[nodiscard]] int fd() const override { return inner_->fd(); }

 private:
  std::unique_ptr<nl::Transport> inner_;
  Bytes& last_;
};

class Recorder : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    client_.emplace(std::make_unique<RecordingTransport>(last_));
  }
  void save(const std::string& name, nl::ByteView bytes) {
    std::ofstream file(std::string(std::getenv("FAIRLEAD_RECORD_DIR")) + "/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
  }
  void save_dump(const std::string& name, nl::Batch request) { save(name, *client_->dump(request)); }
  void save_get(const std::string& name, const std::string& link) {
    nl::Batch request;
    ASSERT_TRUE(kernel::add_get(request, name_of(link)));
    const auto message = client_->get(request);
    ASSERT_TRUE(message && message->has_value());
    save(name, **message);
  }
  /// A refused request, and what the kernel answered to it.
  void save_refusal(const std::string& name, nl::Batch request) {
    const auto replies = client_->transact(request);
    ASSERT_EQ(replies[0].status, nl::ReplyStatus::kRefused);
    save(name + ".request", request.bytes(0));
    save(name + ".reply", last_);
  }
  Bytes last_;
  std::optional<nl::Client> client_;
};

void must(Kernel& kernel, const std::vector<Op>& ops) {
  for (const OpOutcome& outcome : kernel.apply(ops)) ASSERT_EQ(outcome.status, OpStatus::kDone);
}

TEST_F(Recorder, DISABLED_RecordsGoldenMessages) {
  const auto kernel = *open_kernel(&container(), Logger());
  LinkSpec port = veth_spec("veth0", "eth0");
  port.master = name_of("br0");
  port.alias = "fairlead net/id/eth0";
  port.port.hairpin = true;
  LinkSpec bridge = bridge_spec("br0");
  bridge.mac = mac("02:00:00:00:00:01");
  RouteSpec ecmp4 = route_via("198.51.100.0/24", "br0", "10.1.0.8");
  ecmp4.hops.push_back(route_via("198.51.100.0/24", "br0", "10.1.0.9").hops[0]);
  ecmp4.hops[1].weight = 3;
  ecmp4.mtu = 1400;
  ecmp4.advmss = 1300;
  RouteSpec ecmp6 = route_via("2001:db8:2::/64", "br0", "2001:db8:1::8");
  ecmp6.hops.push_back(route_via("2001:db8:2::/64", "br0", "2001:db8:1::9").hops[0]);
  must(*kernel,
       {on_host(CreateLink{bridge}), on_host(CreateLink{port}), in_container(ChangeLink{existing_up("eth0")}),
        on_host(AddAddress{name_of("br0"), {.address = iface("10.1.0.1/24")}}),
        on_host(AddAddress{name_of("br0"), {.address = iface("2001:db8:1::1/64")}}), on_host(AddRoute{ecmp4}),
        on_host(AddRoute{ecmp6})});
  const LinkIndex br0 = (*kernel->find_link(Side::kHost, name_of("br0")))->index;

  save_get("link_bridge", "br0");
  save_get("link_port", "veth0");
  save_get("link_lo", "lo");
  nl::Batch addresses;
  ASSERT_TRUE(kernel::add_list_addresses(addresses, br0));
  save_dump("addresses", addresses);
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    nl::Batch routes;
    ASSERT_TRUE(kernel::add_list_routes(routes, {.family = family, .link = br0}));
    save_dump(family == IpFamily::kV4 ? "routes4" : "routes6", routes);
  }
}

TEST_F(Recorder, DISABLED_RecordsRefusals) {
  nl::Batch unknown_kind;
  ASSERT_TRUE(unknown_kind.add<nl::Link>(
      RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{}, [](nl::Encoder<nl::Link> link) {
        link.put(nl::Link::name, "x0");
        link.nest(nl::Link::info,
                  [](nl::Encoder<nl::LinkInfo> info) { info.put(nl::LinkInfo::kind, "nosuchkind"); });
      }));
  save_refusal("unknown_kind", unknown_kind);
  // One byte where the policy wants two: the answer points at the attribute.
  constexpr nl::Attr<nl::BridgeData, IFLA_BR_VLAN_DEFAULT_PVID, std::uint8_t> kShort{"short"};
  nl::Batch short_pvid;
  ASSERT_TRUE(short_pvid.add<nl::Link>(
      RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{}, [&](nl::Encoder<nl::Link> link) {
        link.nest(nl::Link::info, [&](nl::Encoder<nl::LinkInfo> info) {
          info.put(nl::LinkInfo::kind, "bridge");
          info.nest(nl::LinkInfo::bridge,
                    [&](nl::Encoder<nl::BridgeData> data) { data.put(kShort, std::uint8_t{1}); });
        });
      }));
  save_refusal("short_pvid", short_pvid);
}

}  // namespace
}  // namespace fairlead::test
