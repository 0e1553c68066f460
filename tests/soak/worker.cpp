#include "tests/soak/worker.hpp"

#include <signal.h>

#include <chrono>

#include "tests/conformance/sample.hpp"

namespace fairlead::soak {

namespace {

using conformance::fail;
using conformance::require;

/// Longer than ADD and DEL take on a busy machine: a kill may come at any moment, or too late.
constexpr unsigned kLatestKill = 6000;  // us
constexpr unsigned kKillOneIn = 4;
constexpr int kAlreadyAttached = 101;

std::string netns_name(const Attachment& attachment) { return attachment.container; }

}  // namespace

Json network(const World& world) {
  Json config = conformance::bridge_config(world);
  config["ipMasq"] = true;
  config["ipam"] = {{"type", "host-local"},
                    {"ranges", {{{{"subnet", "10.1.0.0/24"}}}, {{{"subnet", "2001:db8:1::/64"}}}}}};
  return config;
}

Worker::Worker(World& world, const Containers& containers, std::size_t number, unsigned seed)
    : world_(world), names_(containers), number_(number), random_(seed + number), config_(network(world)) {
  for (const std::string& name : containers[number]) {
    Container container;
    container.attachment = {.container = name, .netns = "/run/netns/" + name};
    containers_.push_back(std::move(container));
  }
}

unsigned Worker::below(unsigned limit) {
  return std::uniform_int_distribution<unsigned>(0, limit - 1)(random_);
}

bool Worker::by_chance(unsigned in) { return below(in) == 0; }

Worker::Answer Worker::call(const char* verb, const Json& config, const Attachment& attachment,
                            bool may_be_killed) {
  ++tally_[verb];
  const bool kill_it = may_be_killed && by_chance(kKillOneIn);
  conformance::Process process = world_.start("bridge", verb, config.dump(), attachment);
  if (kill_it && !process.ends_within(std::chrono::microseconds(below(kLatestKill)))) {
    ::kill(process.pid(), SIGKILL);
  }
  const conformance::Output output = process.wait();
  Answer answer{.killed = output.signal == SIGKILL && !output.timed_out,
                .ok = output.exit_code == 0,
                .text = std::string(verb) + " of " + attachment.container + " answered " +
                        std::to_string(output.exit_code) + ": " + output.out + output.err};
  if (answer.killed && kill_it) ++tally_["killed"];
  require(answer.killed ? kill_it : output.exit_code >= 0,
          answer.text + " (it ended by a signal or too late)");
  if (!answer.killed && !answer.ok) {
    const Json error = Json::parse(output.out, nullptr, false);
    require(error.is_object() && error.contains("code") && error.contains("msg"), answer.text);
    answer.code = error.at("code").get<int>();
  }
  if (!answer.killed && answer.ok) answer.text = output.out;
  return answer;
}

void Worker::add(Container& container) {
  if (!container.has_netns) {
    world_.add_netns(netns_name(container.attachment));
    container.has_netns = true;
  }
  const Answer answer = call("ADD", config_, container.attachment);
  if (answer.killed) {
    if (container.life == Life::kDetached) container.life = Life::kUnknown;
    return;  // of one that is attached ADD changes nothing
  }
  if (container.life == Life::kDetached) require(answer.ok, answer.text);
  if (container.life == Life::kAttached) require(!answer.ok, "a second ADD succeeds: " + answer.text);
  if (!answer.ok) return require(answer.code == kAlreadyAttached, answer.text);
  container.life = Life::kAttached;
  container.result = Json::parse(answer.text);
}

void Worker::del(Container& container, bool may_be_killed) {
  Json config = config_;
  if (!container.result.is_null() && by_chance(2)) config["prevResult"] = container.result;
  Attachment attachment = container.attachment;
  if (by_chance(4)) attachment.netns.clear();
  const Answer answer = call("DEL", config, attachment, may_be_killed);
  if (answer.killed) {
    if (container.life == Life::kAttached) container.life = Life::kUnknown;
    return;
  }
  require(answer.ok, answer.text);
  container.life = Life::kDetached;
}

void Worker::check(Container& container) {
  Json config = config_;
  config["prevResult"] = container.result;
  if (container.result.is_null() || !container.has_netns) return;
  const Answer answer = call("CHECK", config, container.attachment);
  if (answer.killed) return;
  if (container.life == Life::kAttached) require(answer.ok, answer.text);
  if (container.life == Life::kDetached) require(!answer.ok, "CHECK passes after DEL: " + answer.text);
}

/// Some of this worker's containers are gone; those of the others, as far as this one knows, are not.
void Worker::collect() {
  Json valid = Json::array();
  const auto add_valid = [&](const std::string& name) {
    valid.push_back({{"containerID", name}, {"ifname", "eth0"}});
  };
  std::vector<Container*> gone;
  for (std::size_t other = 0; other < names_.size(); ++other) {
    if (other == number_) continue;
    for (const std::string& name : names_[other]) add_valid(name);
  }
  for (Container& container : containers_) {
    if (by_chance(4)) {
      gone.push_back(&container);
    } else {
      add_valid(container.attachment.container);
    }
  }
  Json config = config_;
  config["cni.dev/valid-attachments"] = valid;
  const Answer answer = call("GC", config, {});
  if (!answer.killed) require(answer.ok, answer.text);
  for (Container* container : gone) {
    if (answer.killed && container->life == Life::kDetached) continue;
    container->life = answer.killed ? Life::kUnknown : Life::kDetached;
  }
}

void Worker::status() {
  const Answer answer = call("STATUS", config_, {});
  if (!answer.killed) require(answer.ok, answer.text);
}

/// The container dies, and its namespace with it; the runtime's DEL or GC comes later, or ADD for its
/// successor of the same name does.
void Worker::lose_netns(Container& container) {
  if (!container.has_netns) return;
  world_.remove_netns(container.attachment.netns);
  container.has_netns = false;
  if (container.life == Life::kAttached) container.life = Life::kUnknown;
}

void Worker::one_call() {
  Container& container = containers_[below(static_cast<unsigned>(containers_.size()))];
  const unsigned dice = below(100);
  if (dice < 40) return add(container);
  if (dice < 75) return del(container, true);
  if (dice < 87) return check(container);
  if (dice < 92) return collect();
  if (dice < 96) return status();
  lose_netns(container);
}

void Worker::run(unsigned calls) {
  for (unsigned i = 0; i < calls; ++i) one_call();
  for (Container& container : containers_) del(container, false);
}

}  // namespace fairlead::soak
