// Duplicate address detection among neighbours on a bridge.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/deadline.hpp"
#include "fairlead/plan.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::test {
namespace {

using ::testing::HasSubstr;

/// Two containers that are ports of one bridge. The first has its address for sure; it never asks.
class Neighbours : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    first_ = *open_kernel(&container(), Logger());
    second_netns_.emplace(make_netns("second"));
    second_ = *open_kernel(&*second_netns_, Logger());
    must(*first_, {on_host(CreateLink{bridge_spec("br0")})});
    must(*first_, attachment("veth1", "2001:db8::1/64", true));
  }
  void TearDown() override {
    second_.reset();
    first_.reset();
    remove_netns("second");
    NetnsTest::TearDown();
  }
  static void must(Kernel& kernel, const std::vector<Op>& ops) {
    for (const OpOutcome& outcome : kernel.apply(ops)) {
      ASSERT_EQ(outcome.status, OpStatus::kDone) << outcome.error->to_string();
    }
  }
  static std::vector<Op> attachment(const char* name, const char* address, bool nodad) {
    LinkSpec pair = veth_spec(name, "eth0");
    pair.master = name_of("br0");
    return {on_host(CreateLink{pair}),
            in_container(AddAddress{name_of("eth0"), {.address = iface(address), .nodad = nodad}}),
            in_container(ChangeLink{existing_up("eth0")})};
  }
  static Desired wanted(const char* address, bool nodad = false) {
    return {{.side = Side::kContainer,
             .item = WantAddress{.link = name_of("eth0"),
                                 .address = {.address = iface(address), .nodad = nodad}}}};
  }
  std::optional<Netns> second_netns_;
  std::unique_ptr<Kernel> first_;
  std::unique_ptr<Kernel> second_;
};

TEST_F(Neighbours, AnAddressOfItsOwnSettles) {
  must(*second_, attachment("veth2", "2001:db8::2/64", false));
  const auto settled = await_addresses(*second_, wanted("2001:db8::2/64"));
  ASSERT_TRUE(settled) << settled.error().to_string();
  const LinkIndex eth0 = (*second_->find_link(Side::kContainer, name_of("eth0")))->index;
  for (const AddressState& is : *second_->addresses(Side::kContainer, eth0)) {
    EXPECT_FALSE(is.tentative && is.address == iface("2001:db8::2/64"));
  }
}

TEST_F(Neighbours, AnAddressThatTheNeighbourHasIsRefused) {
  must(*second_, attachment("veth2", "2001:db8::1/64", false));
  const auto settled = await_addresses(*second_, wanted("2001:db8::1/64"));
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().code, Errc::kBusy);
  EXPECT_THAT(settled.error().what, HasSubstr("address of eth0 in the container: 2001:db8::1/64: duplicate"));
  EXPECT_FALSE(settled.error().remedy.empty());
  EXPECT_TRUE(await_addresses(*second_, wanted("2001:db8::1/64", true))) << "nobody asked for detection";
}

TEST_F(Neighbours, ALinkWithoutCarrierIsGivenUpAtTheDeadline) {
  std::vector<Op> ops = attachment("veth2", "2001:db8::2/64", false);
  std::get<CreateLink>(ops[0].action).spec.up = false;
  must(*second_, ops);
  ASSERT_TRUE(Deadline::after(std::chrono::milliseconds(200)).arm());
  const auto settled = await_addresses(*second_, wanted("2001:db8::2/64"));
  Deadline::disarm();
  ASSERT_FALSE(settled);
  EXPECT_EQ(settled.error().code, Errc::kTimeout);
}

}  // namespace
}  // namespace fairlead::test
