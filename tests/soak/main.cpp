// Soak: thousands of ADD, DEL, CHECK, GC and STATUS, four at a time, one in four killed at a random moment,
// namespaces that vanish among them. Each answer has to be the right one; in the end the host is as it was.
// Then STATUS is polled: it changes nothing, and what it costs is printed beside what VERSION does.
//
//   fairlead_soak PLUGIN_DIR [--calls N] [--polls N] [--seed N]
//
// Exit code: 0 if all that holds, 1 if not, 2 for wrong usage.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tests/conformance/snapshot.hpp"
#include "tests/soak/worker.hpp"

namespace {

using namespace fairlead::conformance;
using fairlead::soak::Containers;
using fairlead::soak::Worker;

constexpr std::size_t kWorkers = 4;
constexpr std::size_t kContainersEach = 6;

struct Options {
  std::string plugin_dir{};
  unsigned calls = 1000;
  unsigned polls = 100;
  unsigned seed = 1;
};

Containers name_containers() {
  Containers names(kWorkers);
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    for (std::size_t i = 0; i < kContainersEach; ++i) {
      names[worker].push_back("soak-" + std::to_string(worker) + "-" + std::to_string(i));
    }
  }
  return names;
}

/// What grows if something is left that no snapshot shows.
std::size_t count_files() {
  std::size_t count = 0;
  for (const char* root : {"/run/fairlead", "/var/lib/cni"}) {
    if (!std::filesystem::exists(root)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (!entry.is_directory()) ++count;
    }
  }
  return count;
}

/// A process of its own, so that four plugins run at a time.
pid_t start_worker(World& world, const Containers& containers, std::size_t number, const Options& options) {
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  bool holds = true;
  Worker worker(world, containers, number, options.seed);
  try {
    worker.run(options.calls / static_cast<unsigned>(kWorkers));
  } catch (const std::exception& failure) {
    std::printf("worker %zu: %s\n", number, failure.what());
    holds = false;
  }
  std::string line = "worker " + std::to_string(number) + ":";
  for (const auto& [what, count] : worker.tally()) line += " " + what + " " + std::to_string(count);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  _exit(holds ? 0 : 1);
}

bool run_workers(World& world, const Containers& containers, const Options& options) {
  std::vector<pid_t> workers;
  for (std::size_t i = 0; i < kWorkers; ++i) workers.push_back(start_worker(world, containers, i, options));
  bool hold = true;
  for (const pid_t pid : workers) {
    int status = 0;
    waitpid(pid, &status, 0);
    hold = hold && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  // What plugins detached (the end of a deletion) has come to us; each ends by itself.
  alarm(60);
  while (waitpid(-1, nullptr, 0) > 0) {
  }
  alarm(0);
  return hold;
}

/// What a first ADD and DEL leave for good: bridge, tables, directories, locks.
void warm_up(World& world, const Containers& containers) {
  for (const auto& names : containers) {
    for (const std::string& name : names) {
      const Attachment attachment{.container = name, .netns = world.add_netns(name)};
      const Json config = fairlead::soak::network(world);
      detach(world, config, attachment, attach(world, config, attachment));
    }
  }
}

std::chrono::nanoseconds median_of_polls(const World& world, const char* verb, unsigned polls) {
  const Json config = fairlead::soak::network(world);
  std::vector<std::chrono::nanoseconds> times;
  for (unsigned i = 0; i < polls; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const Reply reply = world.call(verb, config, {});
    times.push_back(std::chrono::steady_clock::now() - start);
    require(reply.ok(), std::string(verb) + ": " + reply.describe());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

void poll_status(World& world, unsigned polls) {
  const Snapshot before = take_snapshot(world);
  const std::size_t files = count_files();
  const auto version = median_of_polls(world, "VERSION", polls);
  const auto status = median_of_polls(world, "STATUS", polls);
  std::printf("%u polls: VERSION %ld us, STATUS %ld us (median)\n", polls,
              static_cast<long>(version.count() / 1000), static_cast<long>(status.count() / 1000));
  const std::string left = all_differences(before, take_snapshot(world));
  require(left.empty() && files == count_files(), "STATUS changed something:" + left);
}

bool soak(const Options& options) {
  World world({.plugin_dir = options.plugin_dir, .present = {"bridge", "host-local"}}, "1.1.0");
  const Containers containers = name_containers();
  warm_up(world, containers);
  const Snapshot before = take_snapshot(world);
  const std::size_t files = count_files();
  const bool right = run_workers(world, containers, options);
  if (!right) return false;  // what is left then was not taken away by anybody
  const std::string left = all_differences(before, take_snapshot(world));
  require(left.empty(), "the host is not as it was:" + left);
  require(count_files() == files, "there were " + std::to_string(files) + " files of state, now there are " +
                                      std::to_string(count_files()));
  poll_status(world, options.polls);
  return true;
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (!words[at].starts_with("--")) {
      options.plugin_dir = words[at];
      continue;
    }
    const std::string& option = words[at];
    require(++at < words.size(), option + " needs a value");
    const auto number = static_cast<unsigned>(std::strtoul(words[at].c_str(), nullptr, 10));
    require(number > 0, words[at] + " is no number above 0");
    unsigned* const target = option == "--calls"   ? &options.calls
                             : option == "--polls" ? &options.polls
                             : option == "--seed"  ? &options.seed
                                                   : nullptr;
    require(target != nullptr, "unknown option " + option);
    *target = number;
  }
  require(!options.plugin_dir.empty(), "no plugin directory given");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  try {
    options = parse({argv + 1, argv + argc});
  } catch (const std::exception& failure) {
    std::fprintf(stderr,
                 "fairlead_soak: %s\nusage: fairlead_soak PLUGIN_DIR [--calls N] [--polls N] [--seed N]\n",
                 failure.what());
    return 2;
  }
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  try {
    return soak(options) ? 0 : 1;
  } catch (const std::exception& failure) {
    std::printf("%s\n", failure.what());
    return 1;
  }
}
