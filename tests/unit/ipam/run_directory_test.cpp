#include "fairlead/run_directory.hpp"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

std::string chosen(const RunDirectoryInputs& inputs) {
  auto path = choose_run_directory(inputs);
  return path ? *path : "error: " + path.error().what;
}

TEST(RunDirectory, InTheInitialUserNamespaceIsTheSystemsWhateverXdgSays) {
  EXPECT_EQ(chosen({.xdg_runtime_dir = "/run/user/0", .xdg_is_ours = true, .system_is_writable = false}),
            "/run/fairlead");
}

TEST(RunDirectory, ThatIsConfiguredWinsEverywhere) {
  EXPECT_EQ(chosen({.configured = "/srv/f"}), "/srv/f");
  EXPECT_EQ(chosen({.configured = "/srv/f",
                    .xdg_runtime_dir = "/run/user/7",
                    .initial_user_namespace = false,
                    .xdg_is_ours = true}),
            "/srv/f");
}

TEST(RunDirectory, ThatIsConfiguredMustBeAbsolute) {
  auto path = choose_run_directory({.configured = "state"});
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, Errc::kInvalid);
}

TEST(RunDirectory, OfAUserNamespaceIsXdgThenTheSystemsThenAnError) {
  RunDirectoryInputs inputs{
      .xdg_runtime_dir = "/run/user/7", .initial_user_namespace = false, .xdg_is_ours = true};
  EXPECT_EQ(chosen(inputs), "/run/user/7/fairlead");
  inputs.xdg_is_ours = false;
  EXPECT_EQ(chosen(inputs), "/run/fairlead");
  inputs.xdg_runtime_dir.clear();
  inputs.xdg_is_ours = true;  // nothing is set, so nothing can be ours
  EXPECT_EQ(chosen(inputs), "/run/fairlead");
  inputs.system_is_writable = false;
  auto path = choose_run_directory(inputs);
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, Errc::kDenied);
  EXPECT_NE(path.error().remedy.find("FAIRLEAD_RUN_DIR"), std::string::npos);
}

}  // namespace
}  // namespace fairlead
