// Crash matrix: a plugin is killed at its n-th system call, n = 1, 2, ... until a run ends unkilled (how many
// there are is not stable from run to run), for ADD and for DEL. After each kill, on fresh copies, three ways
// of cleaning up have to leave the host as it was before.
//
//   fairlead_crash PLUGIN_DIR [STRIDE [FIRST]]   every STRIDE-th point, starting with FIRST
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>

#include "tests/crash/scenario.hpp"

namespace {

using fairlead::crash::Point;
using fairlead::crash::Scenario;

enum class Verdict { kClean, kDiffers, kEnded };

/// Each point is a process of its own: its death is the teardown of its host.
Verdict run_in_child(const fairlead::conformance::Setup& setup, const Point& point) {
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      _exit(fairlead::crash::run_point(setup, point) ? 0 : 2);
    } catch (const std::exception& failure) {
      std::printf("DIFFERS %s, %s killed at system call %u, then %s: %s\n", point.scenario->name, point.verb,
                  point.kill_at, to_string(point.aftermath), failure.what());
      std::fflush(stdout);
      _exit(1);
    }
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Verdict::kClean;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) return Verdict::kEnded;
  return Verdict::kDiffers;
}

struct Tally {
  unsigned points = 0;
  unsigned differences = 0;
};

void run_series(const fairlead::conformance::Setup& setup, const Scenario& scenario, const char* verb,
                unsigned stride, unsigned first, Tally& tally) {
  unsigned kill_at = first;
  bool ended = false;
  for (; !ended; kill_at += stride) {
    for (fairlead::crash::Aftermath aftermath : fairlead::crash::kAftermaths) {
      const Verdict verdict = run_in_child(setup, {&scenario, verb, aftermath, kill_at});
      if (verdict == Verdict::kEnded) {
        ended = true;
        break;
      }
      ++tally.points;
      if (verdict == Verdict::kDiffers) ++tally.differences;
    }
  }
  std::printf("%-40s %s: up to system call %u\n", scenario.name, verb, kill_at - stride);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s PLUGIN_DIR [STRIDE [FIRST]]\n", argv[0]);
    return 2;
  }
  fairlead::conformance::Setup setup;
  setup.plugin_dir = argv[1];
  setup.present = {"bridge", "host-local"};
  const unsigned stride = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1;
  const unsigned first = argc > 3 ? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)) : 1;
  if (stride == 0 || first == 0) return 2;
  Tally tally;
  for (const Scenario& scenario : fairlead::crash::scenarios()) {
    for (const char* verb : {"ADD", "DEL"}) run_series(setup, scenario, verb, stride, first, tally);
  }
  std::printf("%u points, %u differences\n", tally.points, tally.differences);
  return tally.differences == 0 && tally.points > 0 ? 0 : 1;
}
