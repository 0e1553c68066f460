// Namespaces for tests that need a real kernel. The process is in a user, network and mount namespace of
// its own (netns_main.cpp), so its death is the teardown and nothing reaches the host.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "fairlead/netns.hpp"

namespace fairlead::test {

/// A new network namespace, bind-mounted as /run/netns/<name>.
[[nodiscard]] Netns make_netns(const std::string& name);

/// Unmounts and removes what make_netns() made; the namespace lives on while something has it open.
void remove_netns(const std::string& name);

/// Puts the calling thread into a new network namespace. True if that worked.
[[nodiscard]] bool enter_new_netns();

/// Gives each test a host namespace (that of the test's thread) and a container namespace.
class NetnsTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  [[nodiscard]] const Netns& container() const { return *container_; }

 private:
  std::optional<Netns> container_;
};

}  // namespace fairlead::test
