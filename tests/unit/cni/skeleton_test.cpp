// The process around a plugin: what it reads, what it writes where, and what it undoes.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "plugins/cni/document_json.hpp"
#include "plugins/cni/spec.hpp"
#include "tests/unit/cni/run_program.hpp"

namespace fairlead::cni {
namespace {

class SkeletonTest : public testing::Test {
 protected:
  Ran run(const std::string& command, const std::string& config) {
    environment_["CNI_COMMAND"] = command;
    Program program{.file = FAIRLEAD_PROBE, .environment = environment_, .input = config};
    program.output_fd = output_fd_;
    program.close_output = close_output_;
    return run_program(program);
  }
  /// The verbs that ran since the last look.
  std::string verbs() {
    std::string text = directory_.read("verbs");
    std::filesystem::remove(directory_.file("verbs"));
    return text;
  }
  /// The code of the one error object that is on standard output.
  static int code(const Ran& ran) {
    const auto document = Document::parse(ran.out);
    EXPECT_TRUE(document) << ran.out;
    if (!document) return -1;
    const auto number = (*document)->root().integer("code", 0, 1000);
    return number && *number ? static_cast<int>(**number) : -1;
  }

  TempDirectory directory_;
  int output_fd_ = -1;
  bool close_output_ = false;
  std::map<std::string, std::string> environment_{{"CNI_CONTAINERID", "blue"},
                                                  {"CNI_NETNS", "/nonexistent/netns"},
                                                  {"CNI_IFNAME", "eth0"},
                                                  {"CNI_PATH", directory_.path()},
                                                  {"PROBE_LOG", directory_.file("verbs")},
                                                  {"FAIRLEAD_CONF", directory_.file("fairlead.conf")},
                                                  {"FAIRLEAD_LOG_FILE", directory_.file("log")}};
  const std::string with_address_ =
      R"({"cniVersion":"1.0.0","name":"net","type":"probe","address":"10.1.2.3/24"})";
};

TEST_F(SkeletonTest, VersionReadsNoInputAndLooksAtNoOtherVariable) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);  // open and silent: a reader would hang
  const Ran ran = run_program({.file = FAIRLEAD_PROBE,
                               .environment = {{"CNI_COMMAND", "VERSION"},
                                               {"CNI_CONTAINERID", "../dummy"},
                                               {"CNI_NETNS", "dummy"},
                                               {"CNI_ARGS", "dummy"},
                                               {"FAIRLEAD_LOG_LEVEL", "dummy"}},
                               .input_fd = read_end.get()});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out,
            "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\","
            "\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
  EXPECT_EQ(ran.err, "");
}

TEST_F(SkeletonTest, IntroducesItselfOnStandardErrorWithoutACommand) {
  const Ran ran = run_program({.file = FAIRLEAD_PROBE});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("probe: answers as told"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("1.1.0"), std::string::npos) << ran.err;
}

TEST_F(SkeletonTest, AddAnswersOneLineAndTheOtherVerbsNothing) {
  const Ran added = run("ADD", with_address_);
  EXPECT_EQ(added.exit_code, 0);
  EXPECT_EQ(
      added.out,
      "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/nonexistent/netns\"}],"
      "\"ips\":[{\"address\":\"10.1.2.3/24\"}]}\n");
  const std::string config =
      R"({"cniVersion":"1.1.0","name":"net","prevResult":{},"cni.dev/valid-attachments":[]})";
  for (const char* verb : {"CHECK", "DEL", "GC", "STATUS"}) {
    const Ran ran = run(verb, config);
    EXPECT_EQ(ran.exit_code, 0) << verb;
    EXPECT_EQ(ran.out, "") << verb;
  }
  EXPECT_EQ(verbs(), "ADD\nCHECK\nDEL\nGC\nSTATUS\n");
}

TEST_F(SkeletonTest, FailingVerbAnswersOneErrorInTheConfigurationsVersion) {
  const Ran ran = run("ADD", R"({"cniVersion":"0.4.0","name":"net","fail":"ADD"})");
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_EQ(ran.out,
            "{\"cniVersion\":\"0.4.0\",\"code\":103,\"details\":\"tell it otherwise\","
            "\"msg\":\"probe fails\\nas told\"}\n");
  EXPECT_EQ(ran.err, "");
}

TEST_F(SkeletonTest, StatusFailsWith50UnlessThePluginSaysOtherwise) {
  EXPECT_EQ(code(run("STATUS", R"({"cniVersion":"1.1.0","name":"net","fail":"STATUS"})")), kNotAvailable);
  EXPECT_EQ(code(run("STATUS", R"({"cniVersion":"1.1.0","name":"net","fail":7})")), kInvalidConfig);
}

TEST_F(SkeletonTest, StatusAnswersNoCodeThatIsOnlyADelegatesOwn) {
  for (const char* own : {"101", "108", "999"}) {
    const std::string config = R"({"cniVersion":"1.1.0","name":"net","code":)" + std::string(own) + "}";
    EXPECT_EQ(code(run("STATUS", config)), kNotAvailable) << own;
  }
  EXPECT_EQ(code(run("STATUS", R"({"cniVersion":"1.1.0","name":"net","code":51})")), 51);
  EXPECT_EQ(code(run("ADD", R"({"cniVersion":"1.1.0","name":"net","code":108})")), kDelegateFailed);
}

TEST_F(SkeletonTest, GivesDhcpTheTimeThatItNeeds) {
  const auto ipam = [](const std::string& type) {
    return R"({"cniVersion":"1.0.0","name":"net","ask":"deadline","ipam":{"type":")" + type + "\"}}";
  };
  run("DEL", ipam("static"));
  EXPECT_EQ(verbs(), "DEL within 25 s\n");
  run("DEL", ipam("dhcp"));
  EXPECT_EQ(verbs(), "DEL within 70 s\n");
  environment_["FAIRLEAD_DEADLINE_SECONDS"] = "40";
  run("DEL", ipam("dhcp"));
  EXPECT_EQ(verbs(), "DEL within 40 s\n");
}

TEST_F(SkeletonTest, RefusesBeforeItActsWhatTheVersionCannotTell) {
  const Ran ran = run("ADD", R"({"cniVersion":"0.2.0","name":"net"})");
  EXPECT_EQ(code(ran), kIncompatibleVersion);
  EXPECT_NE(ran.out.find("cannot convert: no valid IP addresses"), std::string::npos) << ran.out;
  EXPECT_EQ(verbs(), "");
}

TEST_F(SkeletonTest, UndoesAnAddWhoseResultCannotBeTold) {
  // An ipam.type promises addresses; this one answers none.
  const Ran ran = run("ADD", R"({"cniVersion":"0.2.0","name":"net","ipam":{"type":"empty"}})");
  EXPECT_EQ(code(ran), kIncompatibleVersion);
  EXPECT_EQ(verbs(), "ADD\nDEL\n");
}

TEST_F(SkeletonTest, UndoesAnAddWhoseReaderIsGone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd write_end(ends[1]);
  UniqueFd(ends[0]).reset();
  output_fd_ = write_end.get();
  const Ran ran = run("ADD", with_address_);
  EXPECT_EQ(ran.exit_code, 1) << "an exit, not a death by SIGPIPE";
  EXPECT_NE(ran.err.find("EPIPE"), std::string::npos) << ran.err;
  EXPECT_EQ(verbs(), "ADD\nDEL\n");
}

TEST_F(SkeletonTest, UndoesAnAddWhoseResultDoesNotFit) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full.valid());
  output_fd_ = full.get();
  EXPECT_EQ(run("ADD", with_address_).exit_code, 1);
  EXPECT_EQ(verbs(), "ADD\nDEL\n");
}

TEST_F(SkeletonTest, TellsOfAFailingUndoToo) {
  const Ran ran = run("ADD", R"({"cniVersion":"0.2.0","name":"net","ipam":{"type":"empty"},"fail":"DEL"})");
  EXPECT_NE(ran.out.find("cannot convert"), std::string::npos);
  EXPECT_NE(ran.out.find("undo ADD: probe fails"), std::string::npos) << ran.out;
}

TEST_F(SkeletonTest, DoesNotAddWithoutAStandardOutput) {
  close_output_ = true;
  const Ran ran = run("ADD", with_address_);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("standard output is closed"), std::string::npos) << ran.err;
  EXPECT_EQ(verbs(), "");
}

TEST_F(SkeletonTest, DeletesWithoutAStandardOutput) {
  close_output_ = true;
  EXPECT_EQ(run("DEL", with_address_).exit_code, 0);
  EXPECT_EQ(verbs(), "DEL\n");
}

TEST_F(SkeletonTest, RefusesItsOwnNamespaceBeforeItActs) {
  environment_["CNI_NETNS"] = "/proc/self/ns/net";
  for (const char* verb : {"ADD", "CHECK"}) {
    EXPECT_EQ(code(run(verb, R"({"cniVersion":"1.0.0","name":"net","prevResult":{}})")), kInvalidNetns)
        << verb;
  }
  EXPECT_EQ(verbs(), "");
  EXPECT_EQ(run("DEL", R"({"cniVersion":"1.0.0","name":"net"})").exit_code, 0);
  EXPECT_EQ(verbs(), "DEL without a namespace\n") << "neither for itself nor for its delegates";
  environment_["CNI_NETNS_OVERRIDE"] = "1";
  EXPECT_EQ(run("ADD", with_address_).exit_code, 0);
}

TEST_F(SkeletonTest, RefusesUnknownVerbsAndBadInputWithItsCode) {
  EXPECT_EQ(code(run("FROB", with_address_)), kInvalidEnvironment);
  EXPECT_EQ(code(run("ADD", "{bad")), kDecodeFailure);
  EXPECT_EQ(code(run("ADD", "")), kDecodeFailure);
  EXPECT_EQ(code(run("ADD", std::string(Document::kMaxSize + 1, ' '))), kDecodeFailure);
  EXPECT_EQ(code(run("ADD", R"({"cniVersion":"9.9.9","name":"net"})")), kIncompatibleVersion);
  EXPECT_EQ(code(run("ADD", R"({"cniVersion":"1.0.0"})")), kInvalidConfig);
  environment_["CNI_CONTAINERID"] = "a/b";
  EXPECT_EQ(code(run("ADD", with_address_)), kInvalidEnvironment);
  EXPECT_EQ(verbs(), "");
}

TEST_F(SkeletonTest, GivesUpAtTheDeadlineWhenNoConfigurationComes) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  environment_["FAIRLEAD_DEADLINE_SECONDS"] = "1";
  environment_["CNI_COMMAND"] = "ADD";
  const Ran ran =
      run_program({.file = FAIRLEAD_PROBE, .environment = environment_, .input_fd = read_end.get()});
  EXPECT_EQ(code(ran), kTryAgainLater);
}

TEST_F(SkeletonTest, IsSilentInTheLogUnlessThereIsSomethingToSay) {
  ASSERT_EQ(run("ADD", with_address_).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(directory_.file("log")));
}

TEST_F(SkeletonTest, LogsAFailureAsOneLineWithWhoAndTrace) {
  environment_["TRACEPARENT"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  run("ADD", R"({"cniVersion":"1.0.0","name":"net","fail":"ADD"})");
  const std::string log = directory_.read("log");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_NE(log.find(" error FL5005 probe["), std::string::npos) << log;
  EXPECT_NE(log.find("] ADD net/blue/eth0 trace=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01: "
                     "error 103: probe fails?as told (tell it otherwise)\n"),
            std::string::npos)
      << log;
}

TEST_F(SkeletonTest, LogsFromTheConfiguredLevelOn) {
  environment_["FAIRLEAD_LOG_LEVEL"] = "info";
  run("ADD", with_address_);
  EXPECT_NE(directory_.read("log").find(" info FL5000 "), std::string::npos);
  std::filesystem::remove(directory_.file("log"));
  environment_["FAIRLEAD_LOG_LEVEL"] = "off";
  run("ADD", R"({"cniVersion":"1.0.0","name":"net","fail":"ADD"})");
  EXPECT_FALSE(std::filesystem::exists(directory_.file("log")));
}

TEST_F(SkeletonTest, WorksWithoutALogWhereItCannotBeWritten) {
  environment_["FAIRLEAD_LOG_LEVEL"] = "debug";
  environment_["FAIRLEAD_LOG_FILE"] = "/proc/no-such-directory/log";
  EXPECT_EQ(run("ADD", with_address_).exit_code, 0);
}

TEST_F(SkeletonTest, MakesTheDirectoryOfItsLog) {
  environment_["FAIRLEAD_LOG_LEVEL"] = "info";
  environment_["FAIRLEAD_LOG_FILE"] = directory_.file("a/b/log");
  EXPECT_EQ(run("ADD", with_address_).exit_code, 0);
  EXPECT_NE(directory_.read("a/b/log").find("FL5000"), std::string::npos);
}

TEST_F(SkeletonTest, MovesALogPastItsSizeAside) {
  environment_["FAIRLEAD_LOG_MAX_BYTES"] = "4096";
  const std::string failing = R"({"cniVersion":"1.0.0","name":"net","fail":"ADD"})";
  const std::string old(5000, 'x');
  directory_.write("log", old);
  run("ADD", failing);
  EXPECT_EQ(directory_.read("log.1"), old);
  const std::string log = directory_.read("log");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1);
  run("ADD", failing);
  EXPECT_EQ(directory_.read("log.1"), old) << "the new one is short";
}

TEST_F(SkeletonTest, ReadsTheSettingsFileAndNamesItsWrongKeys) {
  directory_.write("fairlead.conf", R"({"logLevel":"info"})");
  EXPECT_EQ(run("ADD", with_address_).exit_code, 0);
  EXPECT_NE(directory_.read("log").find("FL5000"), std::string::npos);
  for (const char* wrong : {R"({"logLevel":"loud"})", R"({"deadlineSeconds":0})",
                            R"({"deadlineSeconds":3601})", R"({"logMaxBytes":"1"})", R"({"runDir":1})"}) {
    directory_.write("fairlead.conf", wrong);
    const Ran ran = run("ADD", with_address_);
    EXPECT_EQ(code(ran), kInvalidConfig) << wrong;
    const std::string key = std::string(wrong).substr(2, std::string(wrong).find('"', 2) - 2);
    EXPECT_NE(ran.out.find("fairlead.conf: " + key + ": "), std::string::npos) << ran.out;
  }
  directory_.write("fairlead.conf", "{");
  EXPECT_EQ(code(run("ADD", with_address_)), kDecodeFailure);
  EXPECT_EQ(verbs(), "ADD\n");
}

TEST_F(SkeletonTest, RefusesAKeyOfTheSettingsFileThatNobodyReads) {
  for (const char* wrong : {"logLvl", "rundir", "deadline"}) {
    directory_.write("fairlead.conf", "{\"" + std::string(wrong) + "\":\"/tmp\"}");
    const Ran ran = run("ADD", with_address_);
    EXPECT_EQ(code(ran), kInvalidConfig) << wrong;
    EXPECT_NE(ran.out.find("fairlead.conf: '" + std::string(wrong) + "': no such key"), std::string::npos)
        << ran.out;
    EXPECT_NE(ran.out.find("the keys are logFile, logLevel, deadlineSeconds, runDir, logMaxBytes"),
              std::string::npos)
        << ran.out;
  }
}

TEST_F(SkeletonTest, DeletesAndCollectsWithABrokenSettingsFileButSaysSo) {
  const std::string config = R"({"cniVersion":"1.1.0","name":"net","cni.dev/valid-attachments":[]})";
  for (const char* broken : {"{", R"({"logLevel":"loud","deadlineSeconds":30})", R"({"logLvl":1})"}) {
    directory_.write("fairlead.conf", broken);
    for (const char* verb : {"DEL", "GC"}) EXPECT_EQ(run(verb, config).exit_code, 0) << verb << broken;
    for (const char* verb : {"ADD", "STATUS"}) EXPECT_EQ(run(verb, config).exit_code, 1) << verb << broken;
    EXPECT_NE(directory_.read("log").find(" error FL5007 "), std::string::npos);
    std::filesystem::remove(directory_.file("log"));
  }
  directory_.write("fairlead.conf", R"({"logLevel":"loud","deadlineSeconds":30})");
  verbs();
  run("DEL", R"({"cniVersion":"1.1.0","name":"net","ask":"deadline"})");
  EXPECT_EQ(verbs(), "DEL within 30 s\n") << "what is right in it counts";
}

TEST_F(SkeletonTest, TakesAnEmptyVariableForOneThatIsNotSet) {
  directory_.write("fairlead.conf", R"({"logLevel":"info"})");
  for (const char* name : {"FAIRLEAD_LOG_LEVEL", "FAIRLEAD_DEADLINE_SECONDS", "FAIRLEAD_LOG_MAX_BYTES"}) {
    environment_[name] = "";
  }
  EXPECT_EQ(run("ADD", with_address_).exit_code, 0);
  EXPECT_NE(directory_.read("log").find("FL5000"), std::string::npos);
}

TEST_F(SkeletonTest, LetsTheVariablesWinOverTheSettingsFile) {
  directory_.write("fairlead.conf", R"({"logLevel":"info","logFile":"/nonexistent/a"})");
  ASSERT_EQ(run("ADD", with_address_).exit_code, 0);
  EXPECT_NE(directory_.read("log").find("FL5000"), std::string::npos);
  for (const char* name : {"FAIRLEAD_LOG_LEVEL", "FAIRLEAD_DEADLINE_SECONDS", "FAIRLEAD_LOG_MAX_BYTES"}) {
    auto before = environment_;
    environment_[name] = "1x";
    const Ran ran = run("ADD", with_address_);
    EXPECT_EQ(code(ran), kInvalidConfig);
    EXPECT_NE(ran.out.find(name), std::string::npos) << ran.out;
    environment_ = before;
  }
}

}  // namespace
}  // namespace fairlead::cni
