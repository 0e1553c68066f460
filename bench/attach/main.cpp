// bench_attach: what attaching a container to a bridge costs, and detaching it: our plugins, the reference
// plugins and the bare C floor, interleaved in one run. See bench/README.md for what is counted and how.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "bench/attach/candidate.hpp"
#include "bench/attach/host.hpp"
#include "bench/attach/report.hpp"

namespace fairlead::bench {
namespace {

constexpr int kWarmUp = 3;
constexpr int kCountedRounds = 5;
constexpr char kUsage[] =
    "usage: bench_attach [options]\n"
    "  --plugins DIR     our executables (default: those of this build)\n"
    "  --reference DIR   the reference plugins (default: /usr/lib/cni)\n"
    "  --floor FILE      the bare C program (default: beside this program)\n"
    "  --rounds N        measured rounds (default: 40)\n"
    "  --attached N      the second load, in attached containers (default: 900; 0: only the empty host)\n"
    "  --mode M          plain, ipMasq or both (default)\n"
    "  --check           exit with 1 when an aim is missed\n"
    "needs root, iproute2, nftables and, for the reference with ipMasq, iptables\n";

struct Options {
  std::string plugins = own_directory() + "/../libexec/cni";
  std::string reference = "/usr/lib/cni";
  std::string floor = own_directory() + "/floor";
  std::string ruleset = own_directory() + "/masquerade.nft";
  int rounds = 40;
  int attached = 900;
  std::string mode = "both";
  bool check = false;
};

int number(const std::string& name, const std::string& text, int max) {
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value < 0 || value > max)
    die(name + " wants a number from 0 to " + std::to_string(max) + ", not '" + text + "'");
  return static_cast<int>(value);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--check") {
      options.check = true;
      continue;
    }
    if (i + 1 == argc) die(kUsage);
    const std::string value = argv[++i];
    if (name == "--plugins") {
      options.plugins = value;
    } else if (name == "--reference") {
      options.reference = value;
    } else if (name == "--floor") {
      options.floor = value;
    } else if (name == "--rounds") {
      options.rounds = number(name, value, 10000);
    } else if (name == "--attached") {
      options.attached = number(name, value, 1000);  // a bridge takes 1,023 ports
    } else if (name == "--mode" && (value == "plain" || value == "ipMasq" || value == "both")) {
      options.mode = value;
    } else {
      die(kUsage);
    }
  }
  return options;
}

/// One candidate on its own host, with one container whose attachments are measured.
struct Stage {
  std::string who;
  Namespace host;
  Namespace container;
  std::unique_ptr<Candidate> candidate;
  int next = 0;                         ///< number of the next attachment
  std::vector<Namespace> background{};  ///< the containers that are attached besides
};

/// Waits until what the last run left behind (deferred frees after RCU grace periods) is over, so that it
/// is not charged to the next.
void settle() {
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 30'000'000};
  nanosleep(&kPause, nullptr);
}

void populate(Stage& stage, int attached) {
  stage.host.enter();
  const std::string prefix = stage.host.path().substr(stage.host.path().rfind('/') + 1);
  for (; stage.next < attached; ++stage.next) {
    const Namespace& container = stage.background.emplace_back(prefix + "-" + std::to_string(stage.next));
    (void)stage.candidate->add({.container_id = "background-" + std::to_string(stage.next),
                                .netns = container.path(),
                                .number = stage.next},
                               Count::kTime);
  }
}

void measure_round(Stage& stage, Count count, Series* add, Series* del) {
  stage.host.enter();
  const int number = stage.next;
  const Attachment attachment{.container_id = "measured-" + std::to_string(number),
                              .netns = stage.container.path(),
                              .number = number};
  const auto keep = [&](Series* series, Sample sample) {
    if (series != nullptr)
      (count == Count::kTime ? series->timed : series->counted).push_back(std::move(sample));
  };
  settle();
  keep(add, stage.candidate->add(attachment, count));
  settle();
  keep(del, stage.candidate->del(attachment, count));
}

/// All candidates in turn, every round in another order until all orders have been: whatever a run leaves
/// for the next one to pay is then charged to each of the others as often.
void measure_load(std::vector<std::unique_ptr<Stage>>& stages, const Options& options, bool masquerade,
                  int attached, Results& results) {
  const auto series = [&](const Stage& stage, const char* verb) {
    return &results[{.candidate = stage.who, .masquerade = masquerade, .attached = attached, .verb = verb}];
  };
  const int rounds = kWarmUp + options.rounds + kCountedRounds;
  std::vector<std::size_t> order(stages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (int round = 0; round < rounds; ++round) {
    const Count count = round < kWarmUp + options.rounds ? Count::kTime : Count::kSyscalls;
    for (const std::size_t i : order) {
      Stage& stage = *stages[i];
      if (round < kWarmUp) {
        measure_round(stage, count, nullptr, nullptr);
      } else {
        measure_round(stage, count, series(stage, "ADD"), series(stage, "DEL"));
      }
    }
    std::next_permutation(order.begin(), order.end());
  }
}

std::vector<std::unique_ptr<Stage>> make_stages(const Options& options, bool masquerade) {
  std::vector<std::unique_ptr<Stage>> stages;
  const auto add = [&](const std::string& who, auto make) {
    const NetworkOptions network{.name = who + (masquerade ? "-masq" : "-plain"), .masquerade = masquerade};
    stages.push_back(std::make_unique<Stage>(Stage{.who = who,
                                                   .host = Namespace(network.name),
                                                   .container = Namespace(network.name + "-measured"),
                                                   .candidate = make(network)}));
    stages.back()->host.enter();
    prepare({"ip", "link", "set", "lo", "up"});
    stages.back()->candidate->set_up();
  };
  add("floor", [&](const NetworkOptions& n) { return floor_candidate(options.floor, options.ruleset, n); });
  if (access((options.plugins + "/bridge").c_str(), X_OK) == 0)
    add("ours", [&](const NetworkOptions& n) { return plugin_candidate(options.plugins, n); });
  if (access((options.reference + "/bridge").c_str(), X_OK) == 0)
    add("reference", [&](const NetworkOptions& n) { return plugin_candidate(options.reference, n); });
  return stages;
}

void measure_mode(const Options& options, bool masquerade, int attached, Results& results) {
  auto stages = make_stages(options, masquerade);
  for (auto& stage : stages) {
    if (attached > 0) std::fprintf(stderr, "%s: attaching %d containers\n", stage->who.c_str(), attached);
    populate(*stage, attached);
  }
  measure_load(stages, options, masquerade, attached, results);
}

int run(const Options& options) {
  set_launcher(own_directory() + "/launch");
  enter_private_namespaces();
  Results results;
  // First both with an empty host, before the kernel has thousands of namespaces to take down.
  for (const int attached : std::set{0, options.attached}) {
    if (options.mode != "ipMasq") measure_mode(options, false, attached, results);
    if (options.mode != "plain") measure_mode(options, true, attached, results);
  }
  std::printf("bridge + host-local, %d rounds\n\n", options.rounds);
  print_results(results);
  const int missed = print_aims(results);
  return options.check && missed > 0 ? 1 : 0;
}

}  // namespace
}  // namespace fairlead::bench

int main(int argc, char** argv) { return fairlead::bench::run(fairlead::bench::parse(argc, argv)); }
