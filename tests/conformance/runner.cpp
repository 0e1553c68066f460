#include "tests/conformance/runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace fairlead::conformance {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* kVersions[] = {"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
constexpr auto kCaseTimeout = std::chrono::seconds(120);

bool is_ipam(const std::string& plugin) { return plugin == "host-local" || plugin == "static"; }

bool covers(Versions versions, const std::string& version) {
  switch (versions) {
    case Versions::kEach:
      return true;
    case Versions::kSince030:
      return version >= "0.3.0";
    case Versions::kUntil020:
      return version < "0.3.0";
    case Versions::kSince040:
      return version >= "0.4.0";
    case Versions::kOnly110:
      return version == "1.1.0";
    case Versions::kNewest:
      return true;
  }
  return false;
}

bool speaks(const Spoken& spoken, const std::string& plugin, const std::string& version) {
  const auto found = spoken.find(plugin);
  return found != spoken.end() &&
         std::find(found->second.begin(), found->second.end(), version) != found->second.end();
}

/// Empty if the case can run in this version.
std::string obstacle(const Case& test, const std::string& version, const Setup& setup, const Spoken& spoken) {
  std::vector<std::string> plugins(test.plugins.begin(), test.plugins.end());
  if (plugins.empty()) plugins = setup.present;
  if (plugins.empty()) return "the directory holds none of the plugins";
  for (const auto& plugin : plugins) {
    if (!spoken.contains(plugin)) return "no plugin " + plugin;
    if (!speaks(spoken, plugin, version)) return plugin + " does not speak " + version;
  }
  return {};
}

/// The runs of one case: those it is meant for, each to be run or skipped with a reason.
std::vector<Outcome> plan(const Case& test, const Setup& setup, const Spoken& spoken, bool matrix) {
  std::vector<Outcome> runs;
  for (const char* version : kVersions) {
    if (!covers(test.versions, version)) continue;
    Outcome run{.test = test, .version = version};
    run.reason = obstacle(test, version, setup, spoken);
    if (!run.reason.empty()) run.status = Status::kSkip;
    runs.push_back(std::move(run));
  }
  if (matrix && test.versions != Versions::kNewest) return runs;
  const auto newest = std::find_if(runs.rbegin(), runs.rend(),
                                   [](const Outcome& run) { return run.status != Status::kSkip; });
  // Not even the oldest, then: that is what the report has to say.
  return {newest == runs.rend() ? runs.front() : *newest};
}

struct Child {
  Outcome* outcome;
  pid_t pid;
  Fd pidfd;
  Fd reason;
  Clock::time_point started;
};

/// In the child: the case from a fresh host to its end. The only place where a Failure is caught.
[[noreturn]] void run_case(const Setup& setup, const Outcome& run, int reason_fd) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string reason;
  try {
    World world(setup, run.version);
    run.test.run(world);
    require(setup.foreign_ipam_dir.empty() || world.foreign_ipam_was_called(),
            "all holds, but the foreign IPAM plugin was never executed");
  } catch (const std::exception& error) {
    reason = error.what();
    if (reason.empty()) reason = "failed";
  }
  const bool written =
      ::write(reason_fd, reason.data(), reason.size()) == static_cast<ssize_t>(reason.size());
  ::_exit(reason.empty() && written ? 0 : 1);
}

Child start(const Setup& setup, Outcome& run) {
  Child child{&run, -1, {}, Fd(::memfd_create("reason", MFD_CLOEXEC)), Clock::now()};
  child.pid = ::fork();
  if (child.pid < 0) fail(std::string("fork: ") + std::strerror(errno));
  if (child.pid == 0) run_case(setup, run, child.reason.get());
  child.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  return child;
}

void finish(Child& child) {
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  const auto elapsed = Clock::now() - child.started;
  child.outcome->milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  child.outcome->reason = read_file("/proc/self/fd/" + std::to_string(child.reason.get()));
  const bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  child.outcome->status = passed ? Status::kPass : Status::kFail;
  if (elapsed > kCaseTimeout) {
    child.outcome->reason = "did not end within two minutes";
  } else if (WIFSIGNALED(status)) {
    child.outcome->reason = "the case itself was killed by signal " + std::to_string(WTERMSIG(status));
  }
}

/// Waits until one of the children has ended (or ran out of time) and takes it off the list.
void finish_one(std::vector<Child>& running) {
  std::vector<pollfd> waits;
  for (const auto& child : running) waits.push_back({child.pidfd.get(), POLLIN, 0});
  ::poll(waits.data(), waits.size(), 1000);
  for (std::size_t i = 0; i < running.size(); ++i) {
    const bool late = Clock::now() - running[i].started > kCaseTimeout;
    if (late) ::kill(running[i].pid, SIGKILL);
    if (waits[i].revents == 0 && !late) continue;
    finish(running[i]);
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

void write_map(const char* file, unsigned id) {
  const Fd map(::open(file, O_WRONLY | O_CLOEXEC));
  const std::string line = "0 " + std::to_string(id) + " 1";
  if (::write(map.get(), line.data(), line.size()) < 0) fail(std::string(file) + ": " + std::strerror(errno));
}

}  // namespace

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (auto* family :
       {protocol_cases, lifecycle_cases, bridge_l3_cases, bridge_options_cases, masquerade_cases,
        bridge_check_cases, host_local_cases, host_local_request_cases, static_cases, loopback_cases}) {
    for (auto& test : family()) all.push_back(std::move(test));
  }
  return all;
}

bool selected(const Case& test, const std::vector<std::string>& only) {
  const std::string id = test.id;
  return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& wanted) {
           return id == wanted || id.starts_with(wanted + ".");
         });
}

std::vector<std::string> plugins_in(const std::string& directory) {
  std::vector<std::string> present;
  for (const char* plugin : kPlugins) {
    if (::access((directory + "/" + plugin).c_str(), X_OK) == 0) present.emplace_back(plugin);
  }
  return present;
}

Spoken spoken_versions(const Setup& setup) {
  Spoken spoken;
  for (const auto* directory : {&setup.plugin_dir, &setup.foreign_ipam_dir}) {
    if (directory->empty()) continue;
    for (const auto& plugin : plugins_in(*directory)) {
      if (directory == &setup.foreign_ipam_dir && !is_ipam(plugin)) continue;
      Command version;
      version.argv = {*directory + "/" + plugin};
      version.env = base_environment();
      version.env["CNI_COMMAND"] = "VERSION";
      version.env["FAIRLEAD_LOG_FILE"] = "";
      version.stdin_text = R"({"cniVersion":"1.0.0"})";
      const auto answer = Json::parse(run(version).out, nullptr, false);
      auto& versions = spoken[plugin];
      versions.clear();
      if (!answer.is_object() || !answer.contains("supportedVersions")) continue;
      for (const auto& entry : answer.at("supportedVersions")) versions.push_back(entry.get<std::string>());
    }
  }
  return spoken;
}

void enter_user_namespace() {
  if (::geteuid() == 0) return;
  const unsigned uid = ::getuid();
  const unsigned gid = ::getgid();
  if (::unshare(CLONE_NEWUSER) != 0) {
    fail(std::string("unshare a user namespace: ") + std::strerror(errno) + "; run as root instead");
  }
  write_file("/proc/self/setgroups", "deny");
  write_map("/proc/self/uid_map", uid);
  write_map("/proc/self/gid_map", gid);
}

std::vector<Outcome> run_cases(const Setup& setup, const Spoken& spoken, const Selection& selection) {
  std::vector<Outcome> outcomes;
  for (const auto& test : all_cases()) {
    if (!selected(test, selection.only)) continue;
    if (!setup.foreign_ipam_dir.empty() && test.ipam == Ipam::kNone) continue;
    for (auto& run : plan(test, setup, spoken, selection.version_matrix)) outcomes.push_back(std::move(run));
  }
  std::vector<Child> running;
  for (auto& outcome : outcomes) {
    if (outcome.status == Status::kSkip) continue;
    while (running.size() >= selection.jobs) finish_one(running);
    running.push_back(start(setup, outcome));
  }
  while (!running.empty()) finish_one(running);
  return outcomes;
}

}  // namespace fairlead::conformance
