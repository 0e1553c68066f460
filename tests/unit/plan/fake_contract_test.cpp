// The contract of every Kernel, on the model.
#include "tests/contract/kernel_contract.hpp"
#include "tests/contract/nft_contract.hpp"
#include "tests/support/fake_kernel.hpp"

namespace fairlead::test {

class FakeFactory {
 public:
  Kernel& kernel() { return kernel_; }

 private:
  FakeHost host_;
  FakeKernel kernel_{host_, host_.add_namespace()};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Fake, KernelContract, ::testing::Types<FakeFactory>);
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, NftContract, ::testing::Types<FakeFactory>);

}  // namespace fairlead::test
