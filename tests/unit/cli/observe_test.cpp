// What `fairlead show` makes of a namespace that changes while it looks.
#include "cli/observe/observe.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_kernel.hpp"

namespace fairlead::cli {
namespace {

TEST(Observe, PassesOverALinkThatGoesWhileItLooks) {
  test::FakeHost host;
  for (const char* name : {"br0", "br1"}) {
    const LinkSpec bridge{.name = *LinkName::parse(name), .kind = BridgeLink{}};
    ASSERT_FALSE(host.create_link(test::FakeHost::kHostNs, bridge, test::FakeHost::kHostNs));
  }
  test::FakeKernel kernel(host);
  kernel.on_query([&] {
    // The list of links is out, the first question about one of them is on its way.
    if (kernel.queries().size() == 2) {
      EXPECT_FALSE(host.delete_link(test::FakeHost::kHostNs, "br0"));
    }
  });
  NamespaceView view;
  const auto seen = observe(kernel, Side::kHost, view);
  ASSERT_TRUE(seen) << seen.error().to_string();
  ASSERT_EQ(view.links.size(), 2U);
  EXPECT_EQ(view.links[0].name, "lo");
  EXPECT_EQ(view.links[1].name, "br1");
}

TEST(Observe, ReportsEveryOtherFailure) {
  test::FakeHost host;
  test::FakeKernel kernel(host);
  kernel.fail_query(1);
  NamespaceView view;
  EXPECT_FALSE(observe(kernel, Side::kHost, view));
}

}  // namespace
}  // namespace fairlead::cli
