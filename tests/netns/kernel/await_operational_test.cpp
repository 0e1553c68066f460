// Waiting for a carrier that comes later.
#include <gtest/gtest.h>

#include <functional>

#include "kernel/netlink_kernel.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::test {
namespace {

/// Calls `then` when the kernel has answered the request of that number.
class InterruptedTransport final : public nl::Transport {
 public:
  InterruptedTransport(std::unique_ptr<nl::Transport> inner, std::function<void(int)> then)
      : inner_(std::move(inner)), then_(std::move(then)) {}
  Result<void> send(nl::ByteView datagram) override {
    FAIRLEAD_CHECK(inner_->send(datagram));
    then_(++sends_);
    return {};
  }
  Result<std::size_t> receive(std::span<std::byte> buffer) override { return inner_->receive(buffer); }
  [[nodiscard]] std::uint32_t port() const override { return inner_->port(); }
  [[nodiscard]] int fd() const override { return inner_->fd(); }

 private:
  std::unique_ptr<nl::Transport> inner_;
  std::function<void(int)> then_;
  int sends_ = 0;
};

class AwaitOperationalTest : public NetnsTest {};

// What happens on kernels before 6.8 each time: the first look is too early, an event tells when to look
// again.
TEST_F(AwaitOperationalTest, AnEventEndsTheWait) {
  const auto other = *open_kernel(&container(), Logger());
  ASSERT_EQ(other->apply(std::vector{on_host(CreateLink{veth_spec("veth0", "eth0")})})[0].status,
            OpStatus::kDone);
  constexpr int kLastLook = 3;  // for the index, before the subscription, and behind it
  int looks = 0;
  const auto raise_peer_behind_the_last_look = [&](int sends) {
    looks = sends;
    if (sends != kLastLook) return;
    EXPECT_EQ(other->apply(std::vector{in_container(ChangeLink{existing_up("eth0")})})[0].status,
              OpStatus::kDone);
  };
  kernel::NetlinkKernel waiting(&container(), Logger(), [&]() -> Result<std::unique_ptr<nl::Transport>> {
    FAIRLEAD_TRY(auto inner, nl::open_rtnetlink());
    return std::unique_ptr<nl::Transport>(
        std::make_unique<InterruptedTransport>(std::move(inner), raise_peer_behind_the_last_look));
  });
  ASSERT_TRUE(waiting.open());
  const OpOutcome outcome = waiting.apply(std::vector{on_host(AwaitOperational{name_of("veth0")})})[0];
  EXPECT_EQ(outcome.status, OpStatus::kDone) << (outcome.error ? outcome.error->to_string() : "");
  EXPECT_GT(looks, kLastLook);
  EXPECT_TRUE(is_operational(**other->find_link(Side::kHost, name_of("veth0"))));
}

}  // namespace
}  // namespace fairlead::test
