// What the cases of the kernel contract (kernel_contract.hpp) share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "fairlead/deadline.hpp"
#include "fairlead/kernel.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::test {

template <class Factory>
class KernelContract : public ::testing::Test {
 protected:
  Kernel& kernel() { return factory_.kernel(); }

  OpOutcome apply_one(const Op& op) { return kernel().apply(std::vector{op}).front(); }
  /// Applies ops that must all be done.
  void must(const std::vector<Op>& ops) {
    const auto outcomes = kernel().apply(ops);
    ASSERT_EQ(outcomes.size(), ops.size());
    for (std::size_t i = 0; i < ops.size(); ++i)
      ASSERT_EQ(outcomes[i].status, OpStatus::kDone)
          << describe(ops[i]) << ": " << (outcomes[i].error ? outcomes[i].error->to_string() : "not sent");
  }
  /// Applies one op that must be refused with that errno and leave nothing done.
  void refused(const Op& op, int err, Errc code) {
    const OpOutcome outcome = apply_one(op);
    EXPECT_EQ(outcome.status, OpStatus::kNotDone) << describe(op);
    ASSERT_TRUE(outcome.error.has_value()) << describe(op);
    EXPECT_EQ(outcome.error->code, code) << outcome.error->to_string();
    ASSERT_TRUE(outcome.error->kernel.has_value()) << outcome.error->to_string();
    EXPECT_EQ(outcome.error->kernel->err, err) << outcome.error->to_string();
    EXPECT_EQ(outcome.error->what.rfind(describe(op), 0), 0U) << outcome.error->to_string();
  }
  std::optional<LinkState> link(Side side, const std::string& name) {
    auto found = kernel().find_link(side, name_of(name));
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : std::nullopt;
  }
  LinkIndex index(Side side, const std::string& name) {
    const auto found = link(side, name);
    EXPECT_TRUE(found.has_value()) << name;
    return found ? found->index : LinkIndex{};
  }
  std::vector<std::string> addresses(Side side, const std::string& name) {
    std::vector<std::string> texts;
    auto found = kernel().addresses(side, index(side, name));
    EXPECT_TRUE(found) << found.error().to_string();
    for (const AddressState& address : *found)
      if (!address.address.address().is_link_local()) texts.push_back(address.address.to_string());
    return texts;
  }
  /// The routes that the filter finds to `destination`.
  std::vector<RouteSpec> routes_to(const std::string& destination, RouteFilter filter = {}) {
    filter.family = net(destination).family();
    auto found = kernel().routes(Side::kContainer, filter);
    EXPECT_TRUE(found) << found.error().to_string();
    std::vector<RouteSpec> routes = *found;
    std::erase_if(routes, [&](const RouteSpec& route) { return route.destination != net(destination); });
    return routes;
  }
  /// A veth pair, up at both ends, with 10.1.0.2/24 and 2001:db8:1::2/64 on the container's.
  void attach_eth0() {
    must({on_host(CreateLink{veth_spec("veth0", "eth0")}), in_container(ChangeLink{existing_up("eth0")}),
          in_container(AddAddress{name_of("eth0"), {.address = iface("10.1.0.2/24")}}),
          in_container(AddAddress{name_of("eth0"), {.address = iface("2001:db8:1::2/64")}})});
  }

 private:
  Factory factory_;
};

TYPED_TEST_SUITE_P(KernelContract);

}  // namespace fairlead::test
