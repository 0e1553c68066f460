// What `fairlead net gc` takes for garbage. A container that runs must never be among it.
#include "cli/runtime/valid_attachments.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

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
    host_.is_beside_records = [this](const std::string& path) { return directories_.contains(path); };
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
  void written_before_the_boot() const {
    const timespec times[] = {{.tv_sec = 999'999'999, .tv_nsec = 0}, {.tv_sec = 999'999'999, .tv_nsec = 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, (directory_ + "/results/n-c1-eth0").c_str(), times, 0), 0);
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
  std::set<std::string> directories_{"/run/netns"};
  ThisHost host_{.boot_id = "this boot",
                 .cookie = 1,
                 .sees_every_process = true,
                 .booted_at = FileTime(std::chrono::seconds(1'000'000'000))};
};

/// As it is now, by itself.
class OneAttachmentTest : public ValidAttachmentsTest {
 protected:
  [[nodiscard]] std::optional<KnownAttachment> now() const {
    auto known = known_attachment("n", {"c1", "eth0"}, ResultCache(directory_), run_dir(), host_);
    EXPECT_TRUE(known) << known.error().to_string();
    return known ? *known : std::nullopt;
  }
};

TEST_F(OneAttachmentTest, IsJudgedLikeAllOfThem) {
  EXPECT_FALSE(now());
  cache("");
  EXPECT_EQ(now()->life, Life::kUnknown);
  record("/run/netns/c1", 7);
  EXPECT_EQ(now()->life, Life::kAlive);
  EXPECT_EQ(now()->mark.cookie, 7U);
  EXPECT_EQ(now()->mark.cached_at, *written_at(directory_ + "/results/n-c1-eth0"));
  EXPECT_EQ(now()->mark.cached_at, known().mark.cached_at);
  namespaces_.clear();
  EXPECT_EQ(now()->life, Life::kGone);
}

// An ADD under the old name makes the file, then writes to it.
TEST_F(OneAttachmentTest, IsNotTakenForDeadWhileItsRecordCannotBeRead) {
  cache("/run/netns/c1");
  namespaces_.clear();
  EXPECT_EQ(now()->life, Life::kGone);
  record("/run/netns/c1", 7);
  for (const auto& entry : fs::directory_iterator(run_dir() + "/attachments/n")) fs::resize_file(entry, 0);
  EXPECT_EQ(now()->life, Life::kUnknown);
  EXPECT_EQ(life(), Life::kGone) << "which the plugin sees to";
}

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
  EXPECT_EQ(known().reason, "the host's '/run/netns', where its namespace was, is not seen from here");
  directories_ = {"/run/netns"};
  EXPECT_EQ(life(), Life::kGone);
}

// From a PID namespace of its own, such a path is another process's, or nobody's.
TEST_F(ValidAttachmentsTest, AProcessThatIsNotThereTookItsNamespaceWithItIfEveryProcessIsSeen) {
  for (const char* path : {"/proc/4711/ns/net", "/proc/4711/task/4712/ns/net"}) {
    directories_.clear();
    host_.sees_every_process = true;
    cache(path);
    EXPECT_EQ(life(), Life::kGone) << path;
    directories_ = {"/proc", "/proc/4711/ns", "/proc/4711/task/4712/ns"};
    host_.sees_every_process = false;
    EXPECT_EQ(life(), Life::kUnknown) << path;
    EXPECT_EQ(known().reason, "its namespace was a process's, and not every process is seen from here");
  }
}

// /run is empty then: neither a record nor a directory of namespaces is left.
TEST_F(ValidAttachmentsTest, WhatIsOlderThanTheBootIsDead) {
  directories_.clear();
  namespaces_.clear();
  host_.sees_every_process = false;
  for (const char* path : {"/run/netns/c1", "/proc/4711/ns/net", ""}) {
    cache(path);
    EXPECT_EQ(life(), Life::kUnknown) << path;
    written_before_the_boot();
    EXPECT_EQ(life(), Life::kGone) << path;
    EXPECT_EQ(known().reason, "it was made before the host started");
    host_.booted_at.reset();
    EXPECT_EQ(life(), Life::kUnknown) << path << ": nobody knows when that was";
    host_.booted_at = FileTime(std::chrono::seconds(1'000'000'000));
  }
  // Only a clock that was set since makes these two contradict each other.
  record("/run/netns/c1", 7);
  EXPECT_EQ(life(), Life::kUnknown);
  namespaces_["/run/netns/c1"] = 7;
  EXPECT_EQ(life(), Life::kAlive);
}

TEST_F(ValidAttachmentsTest, AnEntryFromBeforeTheBootWhoseNamespaceIsThereIsAlive) {
  cache("/run/netns/c1");
  written_before_the_boot();
  EXPECT_EQ(life(), Life::kAlive);
}

TEST_F(ValidAttachmentsTest, AnotherNamespaceUnderTheSamePathKeepsNothingAlive) {
  cache("/run/netns/c1");
  record("/run/netns/c1", 7);
  EXPECT_EQ(life(), Life::kAlive);
  namespaces_["/run/netns/c1"] = 8;
  EXPECT_EQ(life(), Life::kGone);
  EXPECT_EQ(known().reason, "another namespace has its path");
  directories_.clear();
  EXPECT_EQ(life(), Life::kUnknown) << "which may be one that only this mount namespace has there";
}

TEST_F(ValidAttachmentsTest, AnotherProcessOfTheSameNumberProvesNothing) {
  record("/proc/4711/ns/net", 7);
  namespaces_ = {{"/proc/4711/ns/net", 8}};
  EXPECT_EQ(life(), Life::kUnknown) << "the number may be one of another PID namespace";
  namespaces_.clear();
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
