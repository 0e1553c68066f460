// What an error of the kernel's says beyond the kernel's own words.
#include "kernel/op_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "nl/ext_ack.hpp"
#include "tests/support/ops.hpp"

namespace fairlead {
namespace {

using test::in_container;
using test::name_of;
using test::on_host;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string remedy_of(const Op& op, int err, std::string text = {}) {
  return kernel::op_error(op, nl::refusal({.err = err, .message = std::move(text), .attribute = {}})).remedy;
}

TEST(OpError, OnlyAnUnknownKindOfLinkCallsForItsModule) {
  EXPECT_THAT(remedy_of(on_host(CreateLink{test::bridge_spec("br0")}), EOPNOTSUPP, "Unknown device type"),
              HasSubstr("load the module bridge"));
  LinkSpec filtering = test::bridge_spec("br0");
  filtering.kind = BridgeLink{.vlan_filtering = true};
  for (const Op& op : {on_host(CreateLink{filtering}), on_host(ChangeLink{filtering})}) {
    EXPECT_THAT(remedy_of(op, EOPNOTSUPP), HasSubstr("CONFIG_BRIDGE_VLAN_FILTERING"));
    EXPECT_THAT(remedy_of(op, EOPNOTSUPP), ::testing::Not(HasSubstr("module")));
  }
  LinkSpec port = test::veth_spec("veth0", "eth0");
  port.port.hairpin = true;
  EXPECT_THAT(remedy_of(on_host(CreateLink{port}), EOPNOTSUPP), HasSubstr("options of a bridge's port"));
  EXPECT_THAT(remedy_of(on_host(CreateLink{test::veth_spec("veth0", "eth0")}), EOPNOTSUPP), IsEmpty());
}

TEST(OpError, AnIpv6AddressWhereIpv6IsOffCallsForTheSysctl) {
  const auto add = [](const char* text) {
    return in_container(AddAddress{name_of("eth0"), {.address = test::iface(text)}});
  };
  EXPECT_EQ(remedy_of(add("2001:db8::1/64"), EACCES),
            "IPv6 is off on this link: set the sysctl net/ipv6/conf/eth0/disable_ipv6 in the container to 0");
  EXPECT_THAT(remedy_of(add("10.1.2.3/24"), EACCES), IsEmpty());
}

}  // namespace
}  // namespace fairlead
