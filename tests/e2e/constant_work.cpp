// Constant work per attachment: ADD, CHECK and DEL make as many system calls with hundreds of others attached
// as with one, and read nothing of the others. (One, since the last port to leave a bridge takes its carrier
// away, and the kernel tells of that as well.)
//
//   fairlead_constant_work PLUGIN_DIR
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tests/conformance/sample.hpp"
#include "tests/conformance/tracer.hpp"

namespace {

using namespace fairlead::conformance;

constexpr unsigned kOthers = 300;
constexpr int kRounds = 5;

/// The least of some rounds: a notification more is a race with the kernel, not work.
struct Least {
  unsigned syscalls = ~0U;
  unsigned long bytes_read = ~0UL;
};

struct Work {
  Least add{};
  Least check{};
  Least del{};
};

/// One call to its very end, with what it detaches; its standard output is returned.
std::string traced(const World& world, const char* verb, const Json& config, const Attachment& attachment,
                   Least& least) {
  Process process = world.start("bridge", verb, config.dump(), attachment, /*traced=*/true);
  const Traced seen = trace(process.pid(), 0);
  const Output output = process.collect();
  require(seen.exit_code == 0, std::string(verb) + " failed: " + output.out);
  // Whether a thread that is joined has ended already is the scheduler's affair.
  const auto futex = seen.by_number.find(SYS_futex);
  const unsigned waits = futex == seen.by_number.end() ? 0 : futex->second;
  least.syscalls = std::min(least.syscalls, seen.syscalls - waits);
  least.bytes_read = std::min(least.bytes_read, seen.bytes_read);
  return output.out;
}

Work measure(const World& world, const Json& config, const Attachment& attachment) {
  Work work;
  for (int round = 0; round < kRounds; ++round) {
    Json with_result = config;
    with_result["prevResult"] = Json::parse(traced(world, "ADD", config, attachment, work.add));
    traced(world, "CHECK", with_result, attachment, work.check);
    traced(world, "DEL", with_result, attachment, work.del);
  }
  return work;
}

bool same(const char* mode, const char* verb, const Least& few, const Least& many) {
  std::printf("%-6s %-5s  with one other: %u system calls, %lu bytes read; with %u: %u, %lu\n", mode, verb,
              few.syscalls, few.bytes_read, kOthers, many.syscalls, many.bytes_read);
  // Addresses and indexes have more digits later on, but nobody can be looked at in a byte.
  return few.syscalls == many.syscalls && many.bytes_read < few.bytes_read + kOthers - 1;
}

void attach_other(World& world, const Json& config, unsigned number) {
  const std::string name = "other" + std::to_string(number);
  attach(world, config, {.container = name, .netns = world.add_netns(name)});
}

bool constant(const Setup& setup, const char* mode, bool masquerade) {
  World world(setup, "1.1.0");
  Json config = bridge_config(world);
  config["ipMasq"] = masquerade;
  config["ipam"] = {{"type", "host-local"},
                    {"ranges", {{{{"subnet", "10.1.0.0/16"}}}, {{{"subnet", "2001:db8:1::/64"}}}}}};
  const Attachment attachment{.container = "measured", .netns = world.add_netns("measured")};
  attach_other(world, config, 1);
  measure(world, config, attachment);  // what only the first call on a host does is done
  const Work few = measure(world, config, attachment);
  for (unsigned i = 2; i <= kOthers; ++i) attach_other(world, config, i);
  const Work many = measure(world, config, attachment);
  const bool add = same(mode, "ADD", few.add, many.add);
  const bool check = same(mode, "CHECK", few.check, many.check);
  const bool del = same(mode, "DEL", few.del, many.del);
  return add && check && del;
}

/// In a process of its own, which is the host and takes it along.
bool constant_in_child(const Setup& setup, const char* mode, bool masquerade) {
  std::fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    bool holds = false;
    try {
      holds = constant(setup, mode, masquerade);
    } catch (const std::exception& failure) {
      std::printf("%s: %s\n", mode, failure.what());
    }
    std::fflush(stdout);
    _exit(holds ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s PLUGIN_DIR\n", argv[0]);
    return 2;
  }
  const Setup setup{.plugin_dir = argv[1], .present = {"bridge", "host-local"}};
  const bool plain = constant_in_child(setup, "plain", false);
  const bool masquerade = constant_in_child(setup, "ipMasq", true);
  return plain && masquerade ? 0 : 1;
}
