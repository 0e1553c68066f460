#include "cli/runtime/result_cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "cli/runtime/base64.hpp"

namespace fairlead::cli {
namespace {

namespace fs = std::filesystem;

class ResultCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "fairlead-cache-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  void write(const std::string& name, const std::string& content) const {
    fs::create_directories(directory_ + "/results");
    std::ofstream(directory_ + "/results/" + name) << content;
  }

  std::string directory_;
};

CachedResult entry() {
  return {.network = "net1",
          .container_id = "c1",
          .ifname = "eth0",
          .netns = "/run/netns/c1",
          .cni_args = {{"A", "1"}, {"B", "2"}},
          .capability_args = R"({"ips":["10.0.0.5"]})",
          .config = R"({"name":"net1"})",
          .result = R"({"cniVersion":"1.0.0"})"};
}

void expect_equal(const CachedResult& a, const CachedResult& b) {
  EXPECT_EQ(a.network, b.network);
  EXPECT_EQ(a.container_id, b.container_id);
  EXPECT_EQ(a.ifname, b.ifname);
  EXPECT_EQ(a.netns, b.netns);
  EXPECT_EQ(a.cni_args, b.cni_args);
  EXPECT_EQ(a.capability_args, b.capability_args);
  EXPECT_EQ(a.config, b.config);
  EXPECT_EQ(a.result, b.result);
}

TEST(Base64, MatchesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(*base64_decode(text), bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(*base64_decode(base64_encode(all)), all);
  for (const char* text : {"Zg", "Zg=", "Z===", "Zm9v!Zg=", "=Zg=", "Zm8=Zm8="})
    EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(CachedResult, HasTheKeysThatOtherRuntimesRead) {
  EXPECT_EQ(encode_cached(entry()),
            R"({"capabilityArgs":{"ips":["10.0.0.5"]},"cniArgs":[["A","1"],["B","2"]],)"
            R"("config":"eyJuYW1lIjoibmV0MSJ9","containerId":"c1","ifName":"eth0","kind":"cniCacheV1",)"
            R"("netns":"/run/netns/c1","networkName":"net1","result":{"cniVersion":"1.0.0"}})");
}

TEST(CachedResult, ReadsWhatAnotherRuntimeWrote) {
  const auto cached = decode_cached(
      R"({"kind":"cniCacheV1","containerId":"c1","config":"eyJuYW1lIjoibmV0MSJ9","ifName":"eth0",
          "networkName":"net1","cniArgs":[["A","1"],["B","2"]],"capabilityArgs":{"ips":["10.0.0.5"]},
          "netns":"/run/netns/c1","result":{"cniVersion":"1.0.0"}})");
  ASSERT_TRUE(cached) << cached.error().to_string();
  expect_equal(*cached, entry());
  EXPECT_FALSE(decode_cached(R"({"kind":"other"})"));
  EXPECT_FALSE(decode_cached(""));
}

TEST_F(ResultCacheTest, KeepsListsAndForgetsEntries) {
  const ResultCache cache(directory_);
  ASSERT_TRUE(cache.save(entry()));
  const std::string file = directory_ + "/results/net1-c1-eth0";
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  const auto loaded = cache.load("net1", "c1", "eth0");
  ASSERT_TRUE(loaded && *loaded);
  expect_equal(**loaded, entry());
  ASSERT_EQ(cache.list("net1")->size(), 1U);
  EXPECT_TRUE(cache.list("net2")->empty());

  EXPECT_TRUE(cache.remove("net1", "c1", "eth0"));
  EXPECT_TRUE(cache.remove("net1", "c1", "eth0"));
  EXPECT_FALSE(*cache.load("net1", "c1", "eth0"));
  EXPECT_TRUE(fs::is_empty(directory_ + "/results"));
}

TEST_F(ResultCacheTest, PassesOverFilesThatAreNoEntries) {
  write("net1-a-eth0", "");
  write("net1-b-eth0", "{\"kind\":\"cniCacheV1\"");
  write("net1-c-eth0", encode_cached(entry()));
  const ResultCache cache(directory_);
  ASSERT_TRUE(cache.list("net1"));
  EXPECT_EQ(cache.list("net1")->size(), 1U);
  const auto empty = cache.load("net1", "a", "eth0");
  ASSERT_FALSE(empty);
  EXPECT_NE(empty.error().what.find("net1-a-eth0"), std::string::npos);
}

TEST_F(ResultCacheTest, TakesNoUnfinishedDraftForAnEntry) {
  write(".4711.tmp", encode_cached(entry()));
  EXPECT_TRUE(ResultCache(directory_).list("net1")->empty());
}

TEST_F(ResultCacheTest, IsEmptyWithoutADirectory) {
  EXPECT_TRUE(ResultCache(directory_ + "/none").list("net1")->empty());
  EXPECT_FALSE(*ResultCache(directory_ + "/none").load("net1", "c1", "eth0"));
}

}  // namespace
}  // namespace fairlead::cli
