// Crash matrix: a plugin is killed at its n-th system call, n = 1, 2, ... until a run ends unkilled (how many
// there are is not stable from run to run), for ADD and for DEL. After each kill, on fresh copies, three ways
// of cleaning up have to leave the host as it was before.
//
//   fairlead_crash PLUGIN_DIR [--stride N] [--first N] [--only SCENARIO]
//
// Every N-th point, starting with the first one given. Exit code: 0 if the host was as before each time, 1 if
// not, 2 for wrong usage or plugins that fail without being killed.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/crash/scenario.hpp"

namespace {

using fairlead::crash::Point;
using fairlead::crash::Scenario;

/// The exit status of a point's process.
enum class Verdict { kClean = 0, kDiffers = 1, kEnded = 2, kUnusable = 3 };

[[noreturn]] void exit_with(Verdict verdict) {
  std::fflush(stdout);
  _exit(static_cast<int>(verdict));
}

/// Each point is a process of its own: its death is the teardown of its host.
Verdict run_in_child(const fairlead::conformance::Setup& setup, const Point& point) {
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    const auto tell = [&](const char* how, const std::exception& failure) {
      std::printf("%s %s, %s killed at system call %u, then %s: %s\n", how, point.scenario->name, point.verb,
                  point.kill_at, to_string(point.aftermath), failure.what());
    };
    try {
      exit_with(fairlead::crash::run_point(setup, point) ? Verdict::kClean : Verdict::kEnded);
    } catch (const fairlead::crash::Unusable& failure) {
      tell("UNUSABLE", failure);
      exit_with(Verdict::kUnusable);
    } catch (const std::exception& failure) {
      tell("DIFFERS", failure);
      exit_with(Verdict::kDiffers);
    }
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? static_cast<Verdict>(WEXITSTATUS(status)) : Verdict::kDiffers;
}

struct Steps {
  unsigned stride = 1;
  unsigned first = 1;
};

struct Options {
  std::string plugin_dir{};
  std::string only{};  ///< id of a scenario; empty: each
  Steps steps{};
};

unsigned positive(const std::string& text) {
  const unsigned long number = std::strtoul(text.c_str(), nullptr, 10);
  fairlead::conformance::require(number > 0, "'" + text + "' is no number above 0");
  return static_cast<unsigned>(number);
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (!word.starts_with("--")) {
      options.plugin_dir = word;
      continue;
    }
    fairlead::conformance::require(++at < words.size(), word + " needs a value");
    if (word == "--stride") {
      options.steps.stride = positive(words[at]);
    } else if (word == "--first") {
      options.steps.first = positive(words[at]);
    } else if (word == "--only") {
      options.only = words[at];
    } else {
      fairlead::conformance::fail("unknown option " + word);
    }
  }
  fairlead::conformance::require(!options.plugin_dir.empty(), "no plugin directory given");
  return options;
}

struct Tally {
  unsigned points = 0;
  unsigned differences = 0;
};

/// False if there is no point in going on.
bool run_series(const fairlead::conformance::Setup& setup, const Scenario& scenario, const char* verb,
                const Steps& steps, Tally& tally) {
  constexpr unsigned kEnough = 5;  // differences; a thousand more would say the same
  const unsigned before = tally.differences;
  unsigned kill_at = steps.first;
  for (;; kill_at += steps.stride) {
    for (fairlead::crash::Aftermath aftermath : fairlead::crash::kAftermaths) {
      const Verdict verdict = run_in_child(setup, {&scenario, verb, aftermath, kill_at});
      if (verdict == Verdict::kUnusable) return false;
      if (verdict == Verdict::kEnded) {
        std::printf("%-40s %s: up to system call %u\n", scenario.name, verb, kill_at - 1);
        return true;
      }
      ++tally.points;
      if (verdict == Verdict::kDiffers && ++tally.differences - before == kEnough) {
        std::printf("%-40s %s: given up at system call %u\n", scenario.name, verb, kill_at);
        return true;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse({argv + 1, argv + argc});
    fairlead::conformance::Setup setup;
    setup.plugin_dir = options.plugin_dir;
    setup.present = {"bridge", "host-local"};
    Tally tally;
    for (const Scenario& scenario : fairlead::crash::scenarios()) {
      if (!options.only.empty() && options.only != scenario.id) continue;
      for (const char* verb : {"ADD", "DEL"}) {
        if (!run_series(setup, scenario, verb, options.steps, tally)) return 2;
      }
    }
    std::printf("%u points, %u differences\n", tally.points, tally.differences);
    return tally.differences == 0 && tally.points > 0 ? 0 : 1;
  } catch (const std::exception& failure) {
    std::fprintf(
        stderr,
        "fairlead_crash: %s\nusage: fairlead_crash PLUGIN_DIR [--stride N] [--first N] [--only SCENARIO]\n",
        failure.what());
    return 2;
  }
}
