#include "cli/runtime/request.hpp"

#include <gtest/gtest.h>

#include "plugins/cni/document_json.hpp"

namespace fairlead::cli {
namespace {

NetworkList network() {
  return {.name = "net1",
          .version = cni::SpecVersion(1, 0, 0),
          .plugins = {{.type = "bridge",
                       .text = R"({"type":"bridge","name":"old","unknown":{"k":[1,2.5,null]},
                                   "capabilities":{"ips":true},"cni.dev/secret":1,"fairlead.dev/judged-at":1})",
                       .capabilities = {"ips"}}}};
}

std::string derived(const Derivation& derivation) {
  const auto list = network();
  auto config = derive_config(list, list.plugins[0], derivation);
  return config ? *config : "error: " + config.error().what;
}

TEST(DeriveConfig, AddsNameAndVersionAndKeepsWhatItDoesNotKnow) {
  EXPECT_EQ(derived({}),
            R"({"cniVersion":"1.0.0","name":"net1","type":"bridge","unknown":{"k":[1,2.5,null]}})");
}

TEST(DeriveConfig, GivesOnlyDeclaredCapabilities) {
  EXPECT_EQ(derived({.capability_args = R"({"ips":["10.0.0.5"],"mac":"02:00:00:00:00:01"})"}),
            R"({"cniVersion":"1.0.0","name":"net1","runtimeConfig":{"ips":["10.0.0.5"]},"type":"bridge",)"
            R"("unknown":{"k":[1,2.5,null]}})");
  EXPECT_EQ(derived({.capability_args = R"({"mac":"02:00:00:00:00:01"})"}), derived({}));
}

TEST(DeriveConfig, PassesThePreviousResultOn) {
  const std::string config = derived({.prev_result = R"({"cniVersion":"1.0.0","x":1})"});
  EXPECT_NE(config.find(R"("prevResult":{"cniVersion":"1.0.0","x":1})"), std::string::npos) << config;
}

TEST(DeriveConfig, TellsGcWhatIsValidUnderBothKeys) {
  const std::string attachments = R"([{"containerID":"c1","ifname":"eth0"}])";
  const std::string config = derived({.valid = {{.ids = {{.container_id = "c1", .ifname = "eth0"}},
                                                 .judged_at = FileTime(std::chrono::nanoseconds(7))}}});
  EXPECT_NE(config.find(R"("cni.dev/valid-attachments":)" + attachments), std::string::npos) << config;
  EXPECT_NE(config.find(R"("cni.dev/attachments":)" + attachments), std::string::npos) << config;
  EXPECT_NE(config.find(R"("fairlead.dev/judged-at":7)"), std::string::npos) << config;
  const std::string none = derived({.valid = ValidAttachments{}});
  EXPECT_NE(none.find(R"("cni.dev/valid-attachments":[])"), std::string::npos) << none;
}

TEST(CniArgs, KeepTheirOrder) {
  const auto args = parse_cni_args("K8S_POD_NAME=web;IP=10.0.0.1;X=a=b");
  ASSERT_TRUE(args) << args.error().to_string();
  EXPECT_EQ(*args, (CniArgs{{"K8S_POD_NAME", "web"}, {"IP", "10.0.0.1"}, {"X", "a=b"}}));
  EXPECT_EQ(to_string(*args), "K8S_POD_NAME=web;IP=10.0.0.1;X=a=b");
  EXPECT_TRUE(parse_cni_args("")->empty());
}

TEST(CniArgs, RefuseWhatIsNoPair) {
  for (const char* text : {"FOO", "=x", "x=", "A=1;;B=2", ";"}) EXPECT_FALSE(parse_cni_args(text)) << text;
}

TEST(Result, StaysAsItIsInTheRightVersion) {
  const std::string text = R"({"cniVersion":"1.0.0","ips":[],"vendor":{"a":1}})";
  EXPECT_EQ(*result_in_version(text, cni::SpecVersion(1, 0, 0)), text);
  EXPECT_EQ(*result_in_version(R"({"ips":[]})", cni::SpecVersion(1, 0, 0)),
            R"({"cniVersion":"1.0.0","ips":[]})");
}

TEST(Result, IsConvertedToAnotherVersion) {
  const auto converted = result_in_version(
      R"({"cniVersion":"0.4.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/a"}],
          "ips":[{"version":"4","address":"10.0.0.2/24","interface":0}]})",
      cni::SpecVersion(1, 0, 0));
  ASSERT_TRUE(converted) << converted.error().to_string();
  EXPECT_NE(converted->find(R"("cniVersion":"1.0.0")"), std::string::npos) << *converted;
  EXPECT_EQ(converted->find(R"("version":"4")"), std::string::npos) << *converted;
}

}  // namespace
}  // namespace fairlead::cli
