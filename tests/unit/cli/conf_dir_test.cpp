#include "cli/runtime/conf_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "cli/runtime/container_id.hpp"
#include "cli/runtime/valid_attachments.hpp"

namespace fairlead::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ConfDirTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "fairlead-conf-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  void write(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(directory_ + "/" + name).parent_path());
    std::ofstream(directory_ + "/" + name) << content;
  }

  std::string directory_;
};

TEST_F(ConfDirTest, TakesTheFirstInLexicalOrder) {
  write("20.conflist", R"({"name":"n","plugins":[{"type":"second"}]})");
  write("10.conflist", R"({"name":"n","plugins":[{"type":"first"}]})");
  const auto list = find_network(directory_, "n");
  ASSERT_TRUE(list) << list.error().to_string();
  EXPECT_EQ(list->plugins[0].type, "first");
  EXPECT_EQ(list->file, directory_ + "/10.conflist");
}

TEST_F(ConfDirTest, PrefersAListToASinglePlugin) {
  write("10.conf", R"({"name":"n","type":"single"})");
  write("20.conflist", R"({"name":"n","plugins":[{"type":"listed"}]})");
  EXPECT_EQ(find_network(directory_, "n")->plugins[0].type, "listed");
  write("30.json", R"({"name":"m","type":"single"})");
  EXPECT_EQ(find_network(directory_, "m")->plugins[0].type, "single");
}

TEST_F(ConfDirTest, AddsThePluginsOfTheNetworksDirectory) {
  write("10.conflist", R"({"name":"n","plugins":[{"type":"a"}]})");
  write("n/20.conf", R"({"type":"c"})");
  write("n/10.conf", R"({"type":"b"})");
  write("n/30.txt", "not a configuration");
  const auto list = find_network(directory_, "n");
  ASSERT_TRUE(list) << list.error().to_string();
  ASSERT_EQ(list->plugins.size(), 3U);
  EXPECT_EQ(list->plugins[1].type, "b");
  EXPECT_EQ(list->plugins[2].type, "c");

  write("10.conflist", R"({"name":"n","loadOnlyInlinedPlugins":true,"plugins":[{"type":"a"}]})");
  EXPECT_EQ(find_network(directory_, "n")->plugins.size(), 1U);
}

TEST_F(ConfDirTest, ABrokenFileHidesNoOther) {
  write("10.conflist", "{");
  write("20.conflist", R"({"name":"n","plugins":[{"type":"a"}]})");
  EXPECT_TRUE(find_network(directory_, "n"));
  const auto missing = find_network(directory_, "other");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_EQ(missing.error().remedy, "networks there: n");
  ASSERT_EQ(missing.error().secondary.size(), 1U);
  EXPECT_THAT(missing.error().secondary[0].what, HasSubstr("10.conflist"));
}

TEST_F(ConfDirTest, RefusesANameThatLeavesTheDirectory) {
  write("10.conflist", R"({"name":"../n","plugins":[{"type":"a"}]})");
  const auto list = load_network(directory_ + "/10.conflist");
  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().what, HasSubstr("'../n' is no network name"));
}

TEST_F(ConfDirTest, SaysSoWhenThereIsNoDirectory) {
  const auto list = find_network(directory_ + "/none", "n");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, Errc::kNotFound);
}

TEST(ContainerId, IsTheOneOfCnitool) {
  // printf /var/run/netns/testing | sha512sum
  EXPECT_EQ(default_container_id("/var/run/netns/testing"), "cnitool-77383ca0a0715733ca6f");
}

TEST(NetnsPath, TakesPathsNamesAndProcessIds) {
  EXPECT_EQ(netns_path("/var/run/netns/a"), "/var/run/netns/a");
  EXPECT_EQ(netns_path("/var/run/../run/netns//a/"), "/var/run/netns/a");
  EXPECT_EQ(netns_path("a"), "/run/netns/a");
  EXPECT_EQ(netns_path("4711"), "/proc/4711/ns/net");
  EXPECT_EQ(netns_path("4711a"), "/run/netns/4711a");
  EXPECT_EQ(netns_path(""), "");
  EXPECT_EQ(netns_path("./x"), (fs::current_path() / "x").string());
}

TEST(AttachmentIdText, IsContainerAndInterface) {
  const auto id = parse_attachment_id("c1/eth0");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->container_id, "c1");
  EXPECT_EQ(id->ifname, "eth0");
  for (const char* text : {"c1", "/eth0", "c1/", "a/b/c"}) EXPECT_FALSE(parse_attachment_id(text)) << text;
}

}  // namespace
}  // namespace fairlead::cli
