#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <thread>

#include "plugins/cni/build_note.hpp"
#include "plugins/cni/delegate.hpp"
#include "tests/unit/cni/run_program.hpp"

namespace fairlead::cni {
namespace {

Result<AddResult> in_process_add(const Request& request) {
  return AddResult{.dns = {.domain = std::string("in-process ") + to_string(request.verb)}};
}
Result<void> in_process_del(const Request& request) {
  return fail(kMissingObject, std::string("in-process ") + to_string(request.verb));
}
Result<void> nothing(const Request& /*request*/) { return {}; }

const Plugin kOurs{.type = "ours",
                   .about = "",
                   .known_args = {"IP"},
                   .add = in_process_add,
                   .del = in_process_del,
                   .check = nothing,
                   .gc = nothing,
                   .status = nothing};

class DelegateTest : public testing::Test {
 protected:
  DelegateTest() {
    request_.verb = Verb::kAdd;
    request_.path = {"/nonexistent", directory_.path()};
    request_.version = SpecVersion(1, 0, 0);
    request_.config_text = R"({"cniVersion":"1.0.0","name":"net"})";
    request_.log = &log_;
    request_.in_process = &carried_;
  }

  /// A shell script that writes its verbs into the file `verbs`; `on_add` is what it does for ADD.
  void install(const std::string& on_add) {
    directory_.write_executable("foreign", "#!/bin/sh\ncd '" + directory_.path() +
                                               "'\necho $CNI_COMMAND >> verbs\n"
                                               "[ $CNI_COMMAND = ADD ] || exit 0\n" +
                                               on_add + '\n');
  }
  Delegate find(const std::string& type) {
    auto delegate = Delegate::find(request_, type);
    EXPECT_TRUE(delegate) << (delegate ? "" : delegate.error().to_string());
    return *std::move(delegate);
  }
  Error failing_add() {
    auto result = find("foreign").add(request_, -1);
    EXPECT_FALSE(result);
    return result ? Error() : std::move(result).error();
  }

  TempDirectory directory_;
  Logger log_;
  std::vector<const Plugin*> carried_{&kOurs};
  Request request_;
};

TEST_F(DelegateTest, MissingPluginIsAnErrorThatNamesTypeAndPath) {
  const auto delegate = Delegate::find(request_, "absent");
  ASSERT_FALSE(delegate);
  EXPECT_EQ(code_of(delegate.error()), kMissingObject);
  EXPECT_NE(delegate.error().what.find("'absent'"), std::string::npos);
  EXPECT_NE(delegate.error().what.find("CNI_PATH '/nonexistent:" + directory_.path()), std::string::npos);
}

TEST_F(DelegateTest, TypeMustBeTheNameOfAFile) {
  std::filesystem::create_directory(directory_.file("directory"));
  for (const char* type : {"", ".", "..", "/bin/sh", "../foreign", "a/b"}) {
    const auto delegate = Delegate::find(request_, type);
    ASSERT_FALSE(delegate) << type;
    EXPECT_EQ(code_of(delegate.error()), kInvalidConfig) << type;
  }
  EXPECT_EQ(code_of(Delegate::find(request_, "directory").error()), kMissingObject);
}

TEST_F(DelegateTest, ForeignPluginGetsVerbInputAndEnvironment) {
  ::setenv("FAIRLEAD_TEST_VARIABLE", "passed on", 1);
  ::setenv("CNI_COMMAND", "STATUS", 1);
  install(R"(cat > input; echo "$FAIRLEAD_TEST_VARIABLE" > variable
    echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24"}],"dns":{"domain":"x"}}')");
  const auto result = find("foreign").add(request_, -1);
  ::unsetenv("CNI_COMMAND");
  ::unsetenv("FAIRLEAD_TEST_VARIABLE");
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->ips.at(0).address.to_string(), "10.1.2.3/24");
  EXPECT_EQ(result->dns.domain, "x");
  EXPECT_EQ(directory_.read("input"), request_.config_text);
  EXPECT_EQ(directory_.read("variable"), "passed on\n");
  EXPECT_EQ(directory_.read("verbs"), "ADD\n");
}

TEST_F(DelegateTest, ForeignPluginsOtherVerbsHaveNoResult) {
  install("exit 1");
  const Delegate delegate = find("foreign");
  for (const Verb verb : {Verb::kDel, Verb::kCheck, Verb::kGc, Verb::kStatus}) {
    EXPECT_TRUE(delegate.call(verb, request_));
  }
  EXPECT_EQ(directory_.read("verbs"), "DEL\nCHECK\nGC\nSTATUS\n");
}

TEST_F(DelegateTest, KeepsTheCodeOfAForeignErrorAndSendsDel) {
  install(R"(echo '{"cniVersion":"1.0.0","code":11,"msg":"pool is busy","details":"try later"}'; exit 3)");
  const Error error = failing_add();
  EXPECT_EQ(code_of(error), kTryAgainLater);
  EXPECT_EQ(error.what, "plugin foreign ADD: pool is busy");
  EXPECT_EQ(error.remedy, "try later");
  EXPECT_TRUE(error.secondary.empty());
  EXPECT_EQ(directory_.read("verbs"), "ADD\nDEL\n");
}

TEST_F(DelegateTest, DoesNotPassOnCodesThatEveryPluginHasItsOwnMeaningFor) {
  install(R"(echo '{"code":999,"msg":"no IP addresses available"}'; exit 1)");
  const Error error = failing_add();
  EXPECT_EQ(code_of(error), kDelegateFailed);
  EXPECT_EQ(error.what, "plugin foreign ADD: no IP addresses available (its error 999)");
}

TEST_F(DelegateTest, ForeignAddThatAnswersNoResultFailsAndIsUndone) {
  for (const char* action : {"", "echo garbage", R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"x"}]}')",
                             R"(echo '{"cniVersion":"7.0.0"}')", "echo '[]'", "kill -9 $$", "exit 1",
                             "echo oops; exit 2", "yes"}) {
    std::filesystem::remove(directory_.file("verbs"));
    install(action);
    const Error error = failing_add();
    EXPECT_EQ(code_of(error), kDelegateFailed) << action << ": " << error.to_string();
    EXPECT_EQ(error.what.find("plugin foreign ADD: "), 0U) << error.what;
    EXPECT_LT(error.what.size(), 500U);
    EXPECT_EQ(directory_.read("verbs"), "ADD\nDEL\n") << action;
  }
}

TEST_F(DelegateTest, TellsOfAFailingUndoToo) {
  directory_.write_executable("foreign",
                              "#!/bin/sh\necho '{\"code\":7,\"msg\":\"no '$CNI_COMMAND'\"}'; exit 1\n");
  const Error error = failing_add();
  EXPECT_EQ(error.what, "plugin foreign ADD: no ADD");
  ASSERT_EQ(error.secondary.size(), 1U);
  EXPECT_EQ(error.secondary[0].what, "plugin foreign DEL: no DEL");
}

TEST_F(DelegateTest, CannotExecuteWhatIsNoProgram) {
  directory_.write_executable("foreign", "#!/nonexistent/interpreter\n");
  EXPECT_NE(failing_add().what.find("execute " + directory_.file("foreign") + ": ENOENT"), std::string::npos);
  directory_.write_executable("foreign", "no program");
  EXPECT_NE(failing_add().what.find("ENOEXEC"), std::string::npos);
}

TEST_F(DelegateTest, DoesNotWaitForTheReaderOfALargeConfiguration) {
  request_.config_text.append(std::size_t{3} << 20U, ' ');  // far more than a pipe takes
  install("echo '{}'");
  EXPECT_TRUE(find("foreign").add(request_, -1));
}

TEST_F(DelegateTest, TakesALargeResult) {
  install("printf '{\"dns\":{\"domain\":\"'; head -c 1000000 /dev/zero | tr '\\0' x; printf '\"}}'");
  const auto result = find("foreign").add(request_, -1);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->dns.domain.size(), 1'000'000U);
}

TEST_F(DelegateTest, DoesNotWaitForAGrandchildThatHoldsStandardOutput) {
  ASSERT_EQ(::mkfifo(directory_.file("fifo").c_str(), 0600), 0);
  install("(read line < fifo) &\necho '{}'");
  EXPECT_TRUE(find("foreign").add(request_, -1));
  // The grandchild still waits for its line.
  EXPECT_TRUE(UniqueFd(::open(directory_.file("fifo").c_str(), O_WRONLY | O_CLOEXEC)).valid());
}

TEST_F(DelegateTest, KillsAPluginAndItsChildrenAtTheDeadlineThenSendsDel) {
  ASSERT_EQ(::mkfifo(directory_.file("fifo").c_str(), 0600), 0);
  install("(echo > begun; read line < fifo)");
  // However busy the machine is, the plugin has to have begun when its time is over.
  Error error;
  for (std::chrono::milliseconds time(100); time.count() < 60'000; time *= 2) {
    std::filesystem::remove(directory_.file("verbs"));
    request_.deadline = Deadline::after(time);
    error = failing_add();
    if (std::filesystem::exists(directory_.file("begun"))) break;
  }
  EXPECT_EQ(code_of(error), kTryAgainLater);
  EXPECT_EQ(error.what, "plugin foreign ADD: killed, since the deadline passed");
  EXPECT_EQ(directory_.read("verbs"), "ADD\nDEL\n");
  // The signal reaches the children in their own time: until then one of them reads, and waits for a line as
  // long as this end is open.
  const UniqueFd writer(::open(directory_.file("fifo").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  pollfd end{.fd = writer.get(), .events = 0, .revents = 0};
  if (writer.valid()) {
    EXPECT_EQ(::poll(&end, 1, 10'000), 1) << "somebody still reads";
  }
}

TEST_F(DelegateTest, ADelThatTakesAnAddBackHasTimeWhenTheAddHasNone) {
  directory_.write_executable("foreign", "#!/bin/sh\ncd '" + directory_.path() + "'\nrm lease\n");
  request_.deadline = Deadline::after(std::chrono::milliseconds(0));
  directory_.write("lease", "");
  const auto undone = find("foreign").call(Verb::kDel, request_);
  EXPECT_TRUE(undone) << undone.error().to_string();
  EXPECT_FALSE(std::filesystem::exists(directory_.file("lease")));
  // A DEL of the runtime's has no more than it says.
  ASSERT_EQ(::mkfifo(directory_.file("fifo").c_str(), 0600), 0);
  directory_.write_executable("foreign", "#!/bin/sh\nread line < '" + directory_.file("fifo") + "'\n");
  request_.verb = Verb::kDel;
  const auto late = find("foreign").call(Verb::kDel, request_);
  ASSERT_FALSE(late);
  EXPECT_EQ(code_of(late.error()), kTryAgainLater);
}

/// Whether a descriptor of this process watches a file (inotify).
bool is_watching() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    if (text.str().find("inotify wd:") != std::string::npos) return true;
  }
  return false;
}

TEST_F(DelegateTest, AForeignPluginInheritsTheLockAndNothingElse) {
  const UniqueFd lock(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd other(::open("/dev/null", O_RDWR | O_CLOEXEC));
  install("ls -l /proc/$$/fd > fds; echo '{}'");
  ASSERT_TRUE(find("foreign").add(request_, lock.get()));
  const std::string fds = directory_.read("fds");
  EXPECT_NE(fds.find(' ' + std::to_string(lock.get()) + " -> /dev/null"), std::string::npos) << fds;
  EXPECT_EQ(fds.find(' ' + std::to_string(other.get()) + " -> /dev/null"), std::string::npos) << fds;
}

TEST_F(DelegateTest, WaitsForAPluginThatIsBeingReplaced) {
  install("echo '{}'");
  UniqueFd writer(::open(directory_.file("foreign").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  ASSERT_TRUE(writer.valid());
  const Delegate delegate = find("foreign");
  std::optional<Result<AddResult>> result;
  std::thread thread([&] { result = delegate.add(request_, -1); });
  while (!is_watching()) std::this_thread::yield();
  EXPECT_EQ(directory_.read("verbs"), "");
  writer.reset();
  thread.join();
  EXPECT_TRUE(*result) << result->error().to_string();
  EXPECT_EQ(directory_.read("verbs"), "ADD\n");
}

TEST_F(DelegateTest, RunsAPluginOfTheSameBuildInThisProcess) {
  std::filesystem::copy_file("/proc/self/exe", directory_.file("ours"));
  request_.verb = Verb::kDel;
  const Delegate delegate = find("ours");
  EXPECT_TRUE(delegate.in_process());
  const auto added = delegate.add(request_, -1);
  ASSERT_TRUE(added);
  EXPECT_EQ(added->dns.domain, "in-process ADD");
  const auto deleted = delegate.call(Verb::kDel, request_);
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().what, "plugin ours DEL: in-process DEL");
  EXPECT_EQ(code_of(deleted.error()), kMissingObject);
  EXPECT_TRUE(delegate.call(Verb::kStatus, request_));
}

TEST_F(DelegateTest, HoldsAPluginInThisProcessToItsArgumentsToo) {
  std::filesystem::copy_file("/proc/self/exe", directory_.file("ours"));
  const Delegate delegate = find("ours");
  request_.args = {{"IP", "10.1.2.3"}, {"FOO", "1"}};
  EXPECT_EQ(code_of(delegate.add(request_, -1).error()), kInvalidEnvironment);
  request_.args_ignore_unknown = true;
  EXPECT_TRUE(delegate.add(request_, -1));
}

TEST_F(DelegateTest, ExecutesAPluginOfAnotherBuild) {
  directory_.write_executable("ours", "#!/bin/sh\necho '{\"dns\":{\"domain\":\"executed\"}}'\n");
  const Delegate delegate = find("ours");
  EXPECT_FALSE(delegate.in_process());
  EXPECT_EQ(delegate.add(request_, -1)->dns.domain, "executed");
}

TEST_F(DelegateTest, ExecutesAPluginOfTheSameBuildThatItDoesNotCarry) {
  std::filesystem::copy_file("/proc/self/exe", directory_.file("other"));
  EXPECT_FALSE(find("other").in_process());
}

}  // namespace
}  // namespace fairlead::cni
