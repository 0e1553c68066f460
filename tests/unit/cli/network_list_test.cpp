#include "cli/runtime/network_list.hpp"

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

using cni::SpecVersion;

TEST(NetworkList, TakesTheHighestVersionThatWeSpeak) {
  EXPECT_EQ(*choose_version("0.4.0", {"1.0.0", "1.1.0", "9.0.0"}), SpecVersion(1, 1, 0));
  EXPECT_EQ(*choose_version("1.0.0", {"0.4.0"}), SpecVersion(1, 0, 0));
  EXPECT_EQ(*choose_version("", {"0.4.0", "0.3.1"}), SpecVersion(0, 4, 0));
  EXPECT_EQ(*choose_version("0.3.1", {}), SpecVersion(0, 3, 1));
  EXPECT_EQ(*choose_version("", {}), SpecVersion(0, 1, 0));
}

TEST(NetworkList, RefusesAVersionWithoutAnAlternative) {
  EXPECT_EQ(choose_version("9.0.0", {}).error().protocol_code, cni::kIncompatibleVersion);
  EXPECT_EQ(choose_version("", {"9.0.0"}).error().protocol_code, cni::kIncompatibleVersion);
  EXPECT_NE(choose_version("1.0.0", {"one"}).error().what.find("'one'"), std::string::npos);
  EXPECT_FALSE(choose_version("1.0.0", {"1.0"}));
}

TEST(NetworkList, ReadsTheChainInOrder) {
  const auto list = parse_network_list(R"({"cniVersion":"1.0.0","name":"n","plugins":[
      {"type":"bridge","capabilities":{"ips":true,"mac":false}},{"type":"portmap"}]})");
  ASSERT_TRUE(list) << list.error().to_string();
  EXPECT_EQ(list->name, "n");
  ASSERT_EQ(list->plugins.size(), 2U);
  EXPECT_EQ(list->plugins[0].type, "bridge");
  EXPECT_EQ(list->plugins[0].capabilities, std::set<std::string>{"ips"});
  EXPECT_EQ(list->plugins[1].type, "portmap");
}

TEST(NetworkList, AcceptsFlagsAsWords) {
  const auto list = parse_network_list(
      R"({"name":"n","disableCheck":"TRUE","disableGC":true,"loadOnlyInlinedPlugins":"false",
          "plugins":[{"type":"a"}]})");
  ASSERT_TRUE(list) << list.error().to_string();
  EXPECT_TRUE(list->disable_check);
  EXPECT_TRUE(list->disable_gc);
  EXPECT_FALSE(list->only_inlined_plugins);
}

TEST(NetworkList, NamesWhatIsWrong) {
  const auto error = [](const char* text) {
    const auto list = parse_network_list(text);
    return list ? std::string("no error") : list.error().what;
  };
  EXPECT_EQ(error(R"({"plugins":[{"type":"a"}]})"), "name: missing");
  EXPECT_EQ(error(R"({"name":"n","plugins":[]})"), "plugins: must not be empty");
  EXPECT_EQ(error(R"({"name":"n","plugins":{}})"), "plugins: must be an array");
  EXPECT_EQ(error(R"({"name":"n","plugins":[{"type":"a"},{}]})"), "plugins[1]: type: missing");
  EXPECT_EQ(error(R"({"name":"n","disableGC":"maybe","plugins":[{"type":"a"}]})"),
            "disableGC: must be true or false");
  EXPECT_EQ(error(R"({"name":"n","loadOnlyInlinedPlugins":true})"),
            "plugins: missing, and loadOnlyInlinedPlugins is true");
  EXPECT_EQ(error(R"({"name":"n","plugins":[{"type":"a","capabilities":{"x":1}}]})"),
            "plugins[0]: capabilities.x: must be true or false");
  EXPECT_NE(error("[]"), "no error");
  EXPECT_NE(error(R"({"name":)"), "no error");
}

TEST(NetworkList, MakesAChainOfASinglePlugin) {
  const auto list = parse_single_plugin(R"({"cniVersion":"0.4.0","name":"n","type":"ptp","mtu":1400})");
  ASSERT_TRUE(list) << list.error().to_string();
  ASSERT_EQ(list->plugins.size(), 1U);
  EXPECT_EQ(list->version, SpecVersion(0, 4, 0));
  const auto again = parse_network_list(list->text);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->plugins[0].text, list->plugins[0].text);
}

}  // namespace
}  // namespace fairlead::cli
