#include "fairlead/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "fairlead/file_time.hpp"

namespace fairlead {
namespace {

class File : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "fairlead-file-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

TEST_F(File, ReplaceMakesDirectoriesAndReadGivesTheContentBack) {
  const std::string path = dir_ + "/a/b/c";
  ASSERT_TRUE(replace_file(path, "one", 0600));
  ASSERT_TRUE(replace_file(path, "two", 0600));
  EXPECT_EQ(**read_file(path), "two");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_F(File, AMissingFileIsNothing) {
  auto content = read_file(dir_ + "/none");
  ASSERT_TRUE(content);
  EXPECT_FALSE(content->has_value());
}

TEST_F(File, ATooLargeFileIsRefused) {
  ASSERT_TRUE(replace_file(dir_ + "/big", std::string(101, 'x'), 0600));
  auto content = read_file(dir_ + "/big", 100);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Errc::kInvalid);
}

TEST_F(File, AFailedReplaceLeavesTheOldFileAndNothingElse) {
  ASSERT_EQ(mkdir((dir_ + "/target").c_str(), 0755), 0);
  ASSERT_TRUE(replace_file(dir_ + "/target/inside", "x", 0600));
  auto replaced = replace_file(dir_ + "/target", "file over a directory", 0600);
  ASSERT_FALSE(replaced);
  EXPECT_NE(replaced.error().what.find("rename to"), std::string::npos) << replaced.error().what;
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/target.tmp"));
}

TEST_F(File, ASymbolicLinkInThePlaceOfTheTmpIsNotFollowed) {
  ASSERT_EQ(symlink("/dev/null", (dir_ + "/f.tmp").c_str()), 0);
  auto replaced = replace_file(dir_ + "/f", "x", 0600);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().kernel->err, ELOOP);
}

TEST_F(File, AppendedLinesFollowEachOtherAndTheLastCompleteOneIsFound) {
  const std::string path = dir_ + "/a/journal";
  ASSERT_TRUE(append_line(path, "one\n", 0600));
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_TRUE(append_line(path, "two\n", 0600));
  EXPECT_EQ(**read_file(path), "one\ntwo\n");
  EXPECT_EQ(last_line("one\ntwo\n"), "two");
  EXPECT_EQ(last_line("one\ntwo\nthr"), "two");
  EXPECT_EQ(last_line("one\n"), "one");
  EXPECT_EQ(last_line("one"), "");
  EXPECT_EQ(last_line(""), "");
}

TEST_F(File, WhatAKilledWriterLeftOfALineIsOverwritten) {
  const std::string path = dir_ + "/journal";
  ASSERT_TRUE(replace_file(path, "one\nhalf of a long li", 0600));
  ASSERT_TRUE(append_line(path, "two\n", 0600));
  EXPECT_EQ(last_line(**read_file(path)), "two");
  ASSERT_TRUE(append_line(path, "three, longer than what is left\n", 0600));
  EXPECT_EQ(**read_file(path), "one\ntwo\nthree, longer than what is left\n");
  ASSERT_TRUE(replace_file(path, "no line at all", 0600));
  ASSERT_TRUE(append_line(path, "a line that is longer\n", 0600));
  EXPECT_EQ(**read_file(path), "a line that is longer\n");
}

TEST_F(File, ALongJournalBeginsAnew) {
  const std::string path = dir_ + "/journal";
  const std::string line = std::string(1023, 'x') + '\n';
  for (int i = 0; i < 65; ++i) ASSERT_TRUE(append_line(path, line, 0600));
  ASSERT_EQ(std::filesystem::file_size(path), 65U * 1024U);
  ASSERT_TRUE(append_line(path, "last\n", 0600));
  EXPECT_EQ(**read_file(path), "last\n");
}

TEST_F(File, AnAppendFollowsNoSymbolicLink) {
  ASSERT_EQ(symlink("/dev/null", (dir_ + "/f").c_str()), 0);
  const auto appended = append_line(dir_ + "/f", "x\n", 0600);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().kernel->err, ELOOP);
}

// By the exact clock it would often be: the kernel gives files the time of the last tick.
TEST_F(File, OneThatIsWrittenIsNotOlderThanTheTimeBefore) {
  const std::string path = dir_ + "/file";
  EXPECT_EQ(written_at(path).error().code, Errc::kNotFound);
  for (int round = 0; round < 100; ++round) {
    const FileTime before = file_time_now();
    ASSERT_TRUE(append_line(path, "line\n", 0600));
    const auto written = written_at(path);
    ASSERT_TRUE(written);
    EXPECT_GE(*written, before);
    EXPECT_LE(*written, std::chrono::system_clock::now());
  }
}

}  // namespace
}  // namespace fairlead
