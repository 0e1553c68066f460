#include "fairlead/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

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

}  // namespace
}  // namespace fairlead
