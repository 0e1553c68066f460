#include "cli/runtime/runtime.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace fairlead::cli {
namespace {

namespace fs = std::filesystem;
using cni::Verb;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Answers as told and remembers who was called with what.
class ScriptedRunner : public PluginRunner {
 public:
  Result<PluginAnswer> run(const std::string& type, Verb verb, const AttachmentArgs& attachment,
                           const std::string& input) override {
    calls.push_back(type + " " + cni::to_string(verb));
    inputs.push_back(input);
    attachments.push_back(attachment);
    const auto failing = failures.find(calls.back());
    if (calls.back() == killed) return PluginAnswer{.exit_status = -1};
    if (calls.back() == late) return Unexpected(Errc::kTimeout, "killed, since the deadline passed");
    if (calls.back() == absent) return Unexpected(Errc::kNotFound, "no executable");
    if (failing != failures.end()) return PluginAnswer{.exit_status = 1, .output = failing->second};
    if (verb != Verb::kAdd) return PluginAnswer{};
    const auto scripted = results.find(type);
    if (scripted != results.end()) return PluginAnswer{.output = scripted->second};
    return PluginAnswer{.output = R"({"cniVersion":"1.1.0","by":")" + type + R"("})"};
  }

  std::map<std::string, std::string> failures{};  ///< "type VERB" to standard output
  std::map<std::string, std::string> results{};   ///< type to the result of ADD
  std::string killed{};                           ///< "type VERB" that dies of a signal,
  std::string late{};                             ///< that takes too long,
  std::string absent{};                           ///< that is not installed
  std::vector<std::string> calls{};
  std::vector<std::string> inputs{};
  std::vector<AttachmentArgs> attachments{};
};

class RuntimeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "fairlead-runtime-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  Runtime runtime(const char* version = "1.1.0") {
    auto list = parse_network_list(std::string(R"({"name":"n","cniVersion":")") + version +
                                   R"(","plugins":[{"type":"a"},{"type":"b"},{"type":"c"}]})");
    EXPECT_TRUE(list);
    return Runtime(std::move(*list), runner_, cache());
  }
  [[nodiscard]] ResultCache cache() const { return ResultCache(directory_); }
  [[nodiscard]] bool is_cached() const { return cache().load("n", "c1", "eth0")->has_value(); }
  static std::function<Result<bool>(const cni::AttachmentId&)> answer(bool is_gone) {
    return [is_gone](const cni::AttachmentId&) -> Result<bool> { return is_gone; };
  }
  static std::function<Result<ValidAttachments>()> only(const std::string& container) {
    return [container]() -> Result<ValidAttachments> {
      return ValidAttachments{.ids = {{.container_id = container, .ifname = "eth0"}},
                              .judged_at = FileTime(std::chrono::nanoseconds(1'000'000'007))};
    };
  }
  static AttachmentArgs attachment() {
    return {.container_id = "c1", .netns = "/run/netns/c1", .ifname = "eth0", .cni_args = {{"K", "V"}}};
  }

  std::string directory_;
  ScriptedRunner runner_;
};

TEST_F(RuntimeTest, AddHandsEachResultToTheNextPlugin) {
  const auto result = runtime().add(attachment());
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(*result, R"({"by":"c","cniVersion":"1.1.0"})");
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD", "b ADD", "c ADD"));
  EXPECT_THAT(runner_.inputs[0], Not(HasSubstr("prevResult")));
  EXPECT_THAT(runner_.inputs[1], HasSubstr(R"("prevResult":{"by":"a","cniVersion":"1.1.0"})"));
  EXPECT_THAT(runner_.inputs[2], HasSubstr(R"("prevResult":{"by":"b","cniVersion":"1.1.0"})"));
  EXPECT_EQ((*cache().load("n", "c1", "eth0"))->result, *result);
}

TEST_F(RuntimeTest, AddUndoesThePluginsBeforeTheOneThatFailed) {
  runner_.failures["b ADD"] = R"({"code":11,"msg":"try again","details":"in a minute"})";
  const auto result = runtime().add(attachment());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().what, "plugin b (2 of 3) ADD failed: try again");
  EXPECT_EQ(result.error().remedy, "in a minute");
  EXPECT_EQ(result.error().protocol_code, 11);
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD", "b ADD", "b DEL", "a DEL"));
  EXPECT_FALSE(is_cached());
}

TEST_F(RuntimeTest, AddLeavesAloneWhatIsThereWhenTheFirstPluginRefuses) {
  runner_.failures["a ADD"] = R"({"code":101,"msg":"already attached"})";
  EXPECT_FALSE(runtime().add(attachment()));
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD"));
}

TEST_F(RuntimeTest, AddUndoesAFirstPluginThatCouldNotAnswer) {
  runner_.killed = "a ADD";
  EXPECT_FALSE(runtime().add(attachment()));
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD", "a DEL"));
  runner_.calls.clear();
  runner_.killed.clear();
  runner_.late = "a ADD";
  EXPECT_EQ(runtime().add(attachment()).error().code, Errc::kTimeout);
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD", "a DEL"));
  runner_.calls.clear();
  runner_.late.clear();
  runner_.absent = "a ADD";
  EXPECT_FALSE(runtime().add(attachment()));
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD"));
}

TEST_F(RuntimeTest, AddUndoesAPluginWhoseAnswerIsNoResult) {
  runner_.results["a"] = "done!";
  const auto result = runtime().add(attachment());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().what, HasSubstr("'done!'"));
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD", "a DEL"));
}

TEST_F(RuntimeTest, AddUndoesEverythingWhenTheResultCannotBeKept) {
  fs::remove_all(directory_);
  ASSERT_EQ(symlink("/proc/self/nonexistent", directory_.c_str()), 0);
  EXPECT_FALSE(runtime().add(attachment()));
  EXPECT_THAT(runner_.calls, ElementsAre("a ADD", "b ADD", "c ADD", "c DEL", "b DEL", "a DEL"));
}

TEST_F(RuntimeTest, DelRunsBackwardsWithTheCachedResultAndArguments) {
  ASSERT_TRUE(runtime().add(attachment()));
  runner_.calls.clear();
  runner_.inputs.clear();
  runner_.attachments.clear();
  ASSERT_TRUE(runtime().del({.container_id = "c1", .ifname = "eth0"}));
  EXPECT_THAT(runner_.calls, ElementsAre("c DEL", "b DEL", "a DEL"));
  for (const auto& input : runner_.inputs) EXPECT_THAT(input, HasSubstr(R"("prevResult":{"by":"c")"));
  EXPECT_EQ(runner_.attachments[0].netns, "/run/netns/c1");
  EXPECT_EQ(runner_.attachments[0].cni_args, (CniArgs{{"K", "V"}}));
  EXPECT_FALSE(is_cached());
}

TEST_F(RuntimeTest, DelStopsAtAFailureAndKeepsTheCachedResult) {
  ASSERT_TRUE(runtime().add(attachment()));
  runner_.calls.clear();
  runner_.failures["b DEL"] = "";
  const auto gone = runtime().del(attachment());
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().what, "plugin b (2 of 3) DEL failed (exit status 1) without a word");
  EXPECT_THAT(runner_.calls, ElementsAre("c DEL", "b DEL"));
  EXPECT_TRUE(is_cached());
}

TEST_F(RuntimeTest, DelOfSomethingUnknownStillAsksThePlugins) {
  EXPECT_TRUE(runtime().del(attachment()));
  EXPECT_THAT(runner_.calls, ElementsAre("c DEL", "b DEL", "a DEL"));
  EXPECT_THAT(runner_.inputs[0], Not(HasSubstr("prevResult")));
}

TEST_F(RuntimeTest, DelBeforeVersion040HasNoPreviousResult) {
  for (const char* type : {"a", "b", "c"}) runner_.results[type] = R"({"cniVersion":"0.3.1"})";
  ASSERT_TRUE(runtime("0.3.1").add(attachment()));
  runner_.inputs.clear();
  ASSERT_TRUE(runtime("0.3.1").del(attachment()));
  for (const auto& input : runner_.inputs) EXPECT_THAT(input, Not(HasSubstr("prevResult")));
}

TEST_F(RuntimeTest, CheckNeedsACachedResultAndVersion040) {
  EXPECT_EQ(runtime().check(attachment()).error().code, Errc::kNotFound);
  EXPECT_EQ(runtime("0.3.1").check(attachment()).error().code, Errc::kUnsupported);
  EXPECT_THAT(runner_.calls, IsEmpty());
  ASSERT_TRUE(runtime().add(attachment()));
  runner_.calls.clear();
  EXPECT_TRUE(runtime().check(attachment()));
  EXPECT_THAT(runner_.calls, ElementsAre("a CHECK", "b CHECK", "c CHECK"));
}

TEST_F(RuntimeTest, GcDetachesWhatIsNotValidAndThenAsksEveryPlugin) {
  ASSERT_TRUE(runtime().add(attachment()));
  runner_.calls.clear();
  runner_.inputs.clear();
  runner_.failures["b GC"] = R"({"code":102,"msg":"lost"})";
  const auto collected = runtime().gc({.is_gone = answer(true), .valid_now = only("c2")});
  ASSERT_FALSE(collected);
  EXPECT_THAT(collected.error().what, HasSubstr("plugin b (2 of 3) GC failed: lost"));
  EXPECT_THAT(runner_.calls, ElementsAre("c DEL", "b DEL", "a DEL", "a GC", "b GC", "c GC"));
  EXPECT_THAT(runner_.inputs[3], HasSubstr(R"([{"containerID":"c2","ifname":"eth0"}])"));
  EXPECT_THAT(runner_.inputs[3], HasSubstr(R"("fairlead.dev/judged-at":1000000007)"));
  EXPECT_FALSE(is_cached());
}

TEST_F(RuntimeTest, GcKeepsWhatIsValidAndKnowsOldVersions) {
  for (const char* type : {"a", "b", "c"}) runner_.results[type] = R"({"cniVersion":"1.0.0"})";
  ASSERT_TRUE(runtime("1.0.0").add(attachment()));
  runner_.calls.clear();
  EXPECT_TRUE(runtime("1.0.0").gc({.is_gone = answer(false), .valid_now = only("c2")}));
  EXPECT_THAT(runner_.calls, IsEmpty());
  EXPECT_TRUE(is_cached());
}

// An ADD that ends while GC works: what was not judged gone is not removed, and each plugin is told of it.
TEST_F(RuntimeTest, GcAsksWhoIsValidJustBeforeEachPluginCollects) {
  ASSERT_TRUE(runtime().add(attachment()));
  runner_.calls.clear();
  runner_.inputs.clear();
  std::size_t asked = 0;
  const auto valid_now = [&]() -> Result<ValidAttachments> {
    EXPECT_THAT(runner_.calls, testing::SizeIs(asked < 2 ? asked : asked - 1));
    if (asked++ == 1) return Unexpected(Errc::kIo, "list the records: EIO");
    return only("c" + std::to_string(asked))();
  };
  const auto collected = runtime().gc({.is_gone = answer(false), .valid_now = valid_now});
  ASSERT_FALSE(collected);
  EXPECT_THAT(collected.error().what, HasSubstr("list the records"));
  EXPECT_TRUE(is_cached());
  EXPECT_THAT(runner_.calls, ElementsAre("a GC", "c GC"));
  EXPECT_THAT(runner_.inputs[0], HasSubstr(R"([{"containerID":"c1","ifname":"eth0"}])"));
  EXPECT_THAT(runner_.inputs[1], HasSubstr(R"([{"containerID":"c3","ifname":"eth0"}])"));
}

// One container may come back while another is detached.
TEST_F(RuntimeTest, GcAsksWhetherAnAttachmentIsGoneJustBeforeItsDel) {
  ASSERT_TRUE(runtime().add(attachment()));
  AttachmentArgs second = attachment();
  second.container_id = "c2";
  ASSERT_TRUE(runtime().add(second));
  runner_.calls.clear();
  std::size_t asked = 0;
  const auto is_gone = [&](const cni::AttachmentId& id) -> Result<bool> {
    EXPECT_EQ(id.container_id, "c" + std::to_string(++asked));
    EXPECT_THAT(runner_.calls, testing::SizeIs(asked == 1 ? 0 : 3));
    if (asked == 1) return true;
    return Unexpected(Errc::kIo, "look for the namespace: EIO");
  };
  const auto collected = runtime("1.0.0").gc({.is_gone = is_gone, .valid_now = only("c3")});
  ASSERT_FALSE(collected);
  EXPECT_EQ(collected.error().what, "c2/eth0: look for the namespace: EIO");
  EXPECT_EQ(asked, 2U);
  EXPECT_FALSE(is_cached());
  EXPECT_TRUE(cache().load("n", "c2", "eth0")->has_value());
}

TEST_F(RuntimeTest, StatusStopsAtTheFirstThatIsNotReady) {
  runner_.failures["b STATUS"] = R"({"code":50,"msg":"pool exhausted"})";
  const auto status = runtime().status();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().protocol_code, 50);
  EXPECT_THAT(runner_.calls, ElementsAre("a STATUS", "b STATUS"));
  EXPECT_EQ(runtime("1.0.0").status().error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace fairlead::cli
