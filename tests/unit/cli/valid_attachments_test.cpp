// What `fairlead net gc` takes for garbage. A container that runs must never be among it.
#include "cli/runtime/valid_attachments.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "engine/attach/record.hpp"

namespace fairlead::cli {
namespace {

namespace fs = std::filesystem;

class ValidAttachmentsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "fairlead-valid-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    host_.cookie_at = [this](const std::string& path) -> Result<std::uint64_t> {
      const auto found = namespaces_.find(path);
      if (found == namespaces_.end()) return Unexpected(Errc::kNotFound, "open " + path + ": ENOENT");
      if (found->second == kUnreadable) return Unexpected(Errc::kDenied, "open " + path + ": EACCES");
      return found->second;
    };
    host_.has_directory = [this](const std::string& path) { return directories_.contains(path); };
  }
  void TearDown() override { fs::remove_all(directory_); }

  void cache(const std::string& netns) const {
    ASSERT_TRUE(ResultCache(directory_)
                    .save({.network = "n",
                           .container_id = "c1",
                           .ifname = "eth0",
                           .netns = netns,
                           .result = R"({"cniVersion":"1.0.0"})"}));
  }
  void record(const std::string& netns, std::uint64_t cookie, const std::string& boot = "this boot",
              std::uint64_t host_cookie = 1) const {
    auto ifname = LinkName::parse("eth0");
    ASSERT_TRUE(ifname);
    const auto identity = engine::Identity::make("n", "c1", *ifname);
    ASSERT_TRUE(identity);
    engine::Record record{.header = {.network = "n",
                                     .container_id = "c1",
                                     .ifname = "eth0",
                                     .netns_path = netns,
                                     .boot_id = boot,
                                     .host_cookie = host_cookie,
                                     .container_cookie = cookie}};
    record.sections.push_back({.key = "bridge:0", .plugin = "bridge", .phase = engine::Phase::kDone});
    ASSERT_TRUE(engine::RecordStore(run_dir()).save(*identity, record));
  }
  /// Of the only attachment that there is.
  [[nodiscard]] KnownAttachment known() const {
    const auto all = known_attachments("n", ResultCache(directory_), run_dir(), host_);
    EXPECT_TRUE(all && all->size() == 1);
    if (!all || all->size() != 1) return {};
    EXPECT_EQ(all->front().id, (cni::AttachmentId{"c1", "eth0"}));
    return all->front();
  }
  [[nodiscard]] Life life() const { return known().life; }
  [[nodiscard]] std::string run_dir() const { return directory_ + "/run"; }

  static constexpr std::uint64_t kUnreadable = 0;
  std::string directory_;
  std::map<std::string, std::uint64_t> namespaces_{{"/run/netns/c1", 7}};
  std::set<std::string> directories_{"/proc", "/run/netns"};
  ThisHost host_{.boot_id = "this boot", .cookie = 1, .cookie_at = {}, .has_directory = {}};
};

TEST_F(ValidAttachmentsTest, AnEntryWithoutANamespaceTakesItFromTheRecord) {
  cache("");
  record("/run/netns/c1", 7);
  EXPECT_EQ(life(), Life::kAlive);
  EXPECT_EQ(known().netns, "/run/netns/c1");
  namespaces_.clear();
  EXPECT_EQ(life(), Life::kGone);
}

TEST_F(ValidAttachmentsTest, WhoseNamespaceNobodyRemembersIsNotTakenForDead) {
  cache("");
  EXPECT_EQ(life(), Life::kUnknown);
}

TEST_F(ValidAttachmentsTest, WhatCannotBeLookedAtIsNotTakenForDead) {
  cache("/run/netns/c1");
  EXPECT_EQ(life(), Life::kAlive);
  namespaces_["/run/netns/c1"] = kUnreadable;
  EXPECT_EQ(life(), Life::kUnknown);
  EXPECT_EQ(known().reason, "open /run/netns/c1: EACCES");
  namespaces_.clear();
  EXPECT_EQ(life(), Life::kGone);
}

// As from a mount namespace in which there is nothing of the runtime's.
TEST_F(ValidAttachmentsTest, WhatNobodyCouldSeeFromHereIsNotTakenForDead) {
  record("/run/netns/c1", 7);
  namespaces_.clear();
  directories_.clear();
  EXPECT_EQ(life(), Life::kUnknown);
  EXPECT_EQ(known().reason, "there is no '/run/netns' here, where its namespace was");
  directories_ = {"/run/netns"};
  EXPECT_EQ(life(), Life::kGone);
}

TEST_F(ValidAttachmentsTest, AProcessThatIsNotThereTookItsNamespaceWithIt) {
  for (const char* path : {"/proc/4711/ns/net", "/proc/4711/task/4712/ns/net"}) {
    directories_ = {"/proc"};
    cache(path);
    EXPECT_EQ(life(), Life::kGone) << path;
    directories_ = {"/run/netns"};
    EXPECT_EQ(life(), Life::kUnknown) << path;
  }
}

TEST_F(ValidAttachmentsTest, AnotherNamespaceUnderTheSamePathKeepsNothingAlive) {
  cache("/run/netns/c1");
  record("/run/netns/c1", 7);
  EXPECT_EQ(life(), Life::kAlive);
  namespaces_["/run/netns/c1"] = 8;
  EXPECT_EQ(life(), Life::kGone);
}

TEST_F(ValidAttachmentsTest, OfTwoPathsOneIsEnough) {
  cache("/proc/4711/ns/net");
  record("/run/netns/c1", 7);
  EXPECT_EQ(life(), Life::kAlive);
  namespaces_ = {{"/proc/4711/ns/net", 7}};
  EXPECT_EQ(life(), Life::kAlive);
  namespaces_ = {{"/proc/4711/ns/net", kUnreadable}};
  EXPECT_EQ(life(), Life::kUnknown);
}

TEST_F(ValidAttachmentsTest, ARecordBeforeItsNamespaceIsKnownGoesByThePath) {
  record("/run/netns/c1", 0);
  EXPECT_EQ(life(), Life::kAlive);
}

TEST_F(ValidAttachmentsTest, ARecordOfAnotherBootOnlySaysThatThereWasSomething) {
  record("/run/netns/c1", 9, "boot before");
  EXPECT_EQ(life(), Life::kGone);
  // Attached again since, by a plugin that writes no record.
  cache("/run/netns/c1");
  EXPECT_EQ(life(), Life::kAlive);
}

TEST_F(ValidAttachmentsTest, WhatAnotherHostNamespaceAttachedIsNotOursToJudge) {
  record("/run/netns/c1", 9, "this boot", 2);
  EXPECT_EQ(life(), Life::kUnknown);
}

}  // namespace
}  // namespace fairlead::cli
