#include "tests/crash/scenario.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>

#include "tests/conformance/sample.hpp"
#include "tests/conformance/tracer.hpp"

namespace fairlead::crash {
namespace {

using conformance::Attachment;
using conformance::Json;
using conformance::Snapshot;
using conformance::World;

Json plain(const World& world) { return conformance::bridge_config(world); }

Json dual_stack_masquerading(const World& world) {
  Json config = conformance::bridge_config(world);
  config["ipMasq"] = true;
  config["ipam"] = {{"type", "host-local"},
                    {"ranges", {{{{"subnet", "10.1.2.0/24"}}}, {{{"subnet", "2001:db8:1::/64"}}}}}};
  return config;
}

/// Children that the plugins have detached (they hold sockets for 60 ms) are part of the story.
void wait_for_detached() {
  while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR) {
  }
}

bool killed_at(World& world, const Point& point, const Json& config, const Attachment& attachment) {
  conformance::Process process =
      world.start("bridge", point.verb, config.dump(), attachment, /*traced=*/true);
  const conformance::Traced traced = conformance::trace(process.pid(), point.kill_at);
  const conformance::Output output = process.collect();
  conformance::require(traced.killed || traced.exit_code == 0,
                       std::string(point.verb) + " failed by itself: " + output.out);
  return traced.killed;
}

/// The last complete line of a record, which is the one that counts.
std::string last_line(const std::string& text) {
  const auto end = text.rfind('\n');
  if (end == std::string::npos) return {};
  const auto before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  const auto start = before == std::string::npos ? 0 : before + 1;
  return text.substr(start, end - start);
}

/// Whether a record that the killed plugin left says that it was through.
bool recorded_as_done(const std::string& network) {
  const std::filesystem::path directory = "/run/fairlead/attachments/" + network;
  if (!std::filesystem::exists(directory)) return false;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string line = last_line(conformance::read_file(entry.path()));
    if (line.empty()) continue;
    const Json record = Json::parse(line);
    for (const Json& section : record.at("sections")) {
      if (section.at("phase") == "done") return true;
    }
  }
  return false;
}

/// A retried ADD succeeds after a crash, and is refused after a success, whether or not its result was read.
void add_again(World& world, const Json& config, const Attachment& attachment) {
  constexpr int kAlreadyAttached = 101;
  const bool done = recorded_as_done(config.at("name").get<std::string>());
  const auto reply = world.call("ADD", config, attachment);
  if (done) {
    conformance::must_fail(reply, "the second ADD of what the record calls done", kAlreadyAttached);
  } else {
    conformance::require(reply.ok(), "the second ADD failed: " + reply.describe());
  }
}

void clean_up(World& world, const Point& point, const Json& config, const Attachment& attachment) {
  switch (point.aftermath) {
    case Aftermath::kDelWithoutNetns:
      world.remove_netns(attachment.netns);
      conformance::detach(world, config, attachment);
      break;
    case Aftermath::kAddAgain:
      add_again(world, config, attachment);
      conformance::detach(world, config, attachment);
      break;
    case Aftermath::kGc: {
      Json request = config;
      request["cni.dev/valid-attachments"] = Json::array();
      const auto reply = world.call("GC", request, {});
      conformance::require(reply.ok(), "GC failed: " + reply.describe());
      break;
    }
  }
}

/// The state that everything has to come back to.
Snapshot prepare(World& world, const Point& point, const Json& config) {
  if (point.scenario->warm) {
    const Attachment earlier{.container = "earlier", .netns = world.add_netns("earlier")};
    const Json result = conformance::attach(world, config, earlier);
    conformance::detach(world, config, earlier, result);
    wait_for_detached();
  }
  return conformance::take_snapshot(world);
}

std::string differences(const Point& point, const Snapshot& before, const Snapshot& after,
                        const Attachment& attachment) {
  if (point.scenario->warm) return conformance::all_differences(before, after);
  return conformance::unexcused_differences(before, after, {.traces = {attachment.container}});
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> kScenarios{
      {"plain", "plain", true, plain},
      {"plain_first", "plain, first on the host", false, plain},
      {"masquerade", "dual stack, ipMasq", true, dual_stack_masquerading},
      {"masquerade_first", "dual stack, ipMasq, first on the host", false, dual_stack_masquerading}};
  return kScenarios;
}

const char* to_string(Aftermath aftermath) {
  switch (aftermath) {
    case Aftermath::kDelWithoutNetns:
      return "DEL without namespace";
    case Aftermath::kAddAgain:
      return "ADD again, DEL";
    case Aftermath::kGc:
      return "GC";
  }
  return "";
}

bool run_point(const conformance::Setup& setup, const Point& point) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  World world(setup, "1.1.0");
  const Json config = point.scenario->config(world);
  Snapshot before;
  Attachment attachment{.container = "victim"};
  try {
    before = prepare(world, point, config);
    attachment.netns = world.add_netns("victim");
    if (std::string(point.verb) == "DEL") conformance::attach(world, config, attachment);
    if (!killed_at(world, point, config, attachment)) return false;
  } catch (const conformance::Failure& failure) {
    throw Unusable(failure.what());
  }
  clean_up(world, point, config, attachment);
  wait_for_detached();
  const std::string left = differences(point, before, conformance::take_snapshot(world), attachment);
  conformance::require(left.empty(), "the host differs:" + left);
  return true;
}

}  // namespace fairlead::crash
