// The kernel contract on the running kernel.
#include "tests/contract/kernel_contract.hpp"
#include "tests/contract/nft_contract.hpp"

#include "tests/support/netns.hpp"

namespace fairlead::test {
namespace {

class NetlinkFactory {
 public:
  NetlinkFactory() {
    EXPECT_TRUE(enter_new_netns());
    container_.emplace(make_netns("contract"));
    kernel_ = *open_kernel(&*container_, Logger());
  }
  NetlinkFactory(const NetlinkFactory&) = delete;
  NetlinkFactory& operator=(const NetlinkFactory&) = delete;
  ~NetlinkFactory() { remove_netns("contract"); }
  Kernel& kernel() { return *kernel_; }

 private:
  std::optional<Netns> container_;
  std::unique_ptr<Kernel> kernel_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Netlink, KernelContract, ::testing::Types<NetlinkFactory>);
INSTANTIATE_TYPED_TEST_SUITE_P(Netlink, NftContract, ::testing::Types<NetlinkFactory>);

}  // namespace
}  // namespace fairlead::test
