#include "tests/conformance/world.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace fairlead::conformance {
namespace {

constexpr const char* kOwnPlugins = "/run/conformance/plugins";
constexpr const char* kForeignPlugins = "/run/conformance/foreign-plugins";
/// What CNI_PATH names instead: a note of each call, then the plugin itself.
constexpr const char* kForeignDoors = "/run/conformance/foreign";
constexpr const char* kForeignCalls = "/run/conformance/foreign-calls";

void must(int result, const std::string& what) {
  if (result < 0) fail(what + ": " + std::strerror(errno));
}

void loopback_up() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  must(::ioctl(socket.get(), SIOCGIFFLAGS, &request), "flags of lo");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  must(::ioctl(socket.get(), SIOCSIFFLAGS, &request), "lo up");
}

/// A new IPv4 namespace copies the settings of the machine's first one; the cases expect a plain host.
void plain_sysctls() {
  for (const char* name : {"ipv4/ip_forward", "ipv4/conf/default/forwarding", "ipv6/conf/all/forwarding",
                           "ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"}) {
    const std::string path = std::string("/proc/sys/net/") + name;
    if (!read_file(path).starts_with("0")) write_file(path, "0");
  }
}

void bind(const Fd& source, const char* target) {
  must(::mkdir(target, 0755), std::string("mkdir ") + target);
  const std::string from = "/proc/self/fd/" + std::to_string(source.get());
  must(::mount(from.c_str(), target, nullptr, MS_BIND | MS_REC, nullptr), std::string("bind ") + target);
}

Fd open_directory(const std::string& path) {
  Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  must(directory.get(), path);
  return directory;
}

/// That a delegate was executed, and not called in-process or taken from elsewhere, shows in its trace. A
/// script is nobody's own build, so it is executed by whoever finds it.
void make_foreign_doors() {
  must(::mkdir(kForeignDoors, 0755), "mkdir foreign plugins");
  for (const std::string plugin : {"host-local", "static"}) {
    const std::string door = std::string(kForeignDoors) + "/" + plugin;
    const std::string target = std::string(kForeignPlugins) + "/" + plugin;
    if (::access(target.c_str(), X_OK) != 0) continue;
    write_file(
        door, "#!/bin/sh\necho \"$CNI_COMMAND\" >>" + std::string(kForeignCalls) + "\nexec " + target + "\n");
    must(::chmod(door.c_str(), 0755), "chmod " + door);
  }
}

}  // namespace

World::World(const Setup& setup, std::string version)
    : setup_(setup), version_(std::move(version)), cni_path_(kOwnPlugins), host_() {
  must(::unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare");
  must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "make mounts private");
  mount_private_directories();
  loopback_up();
  plain_sysctls();
  host_ = Fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!setup_.foreign_ipam_dir.empty()) cni_path_ = std::string(kForeignDoors) + ":" + kOwnPlugins;
}

void World::mount_private_directories() {
  // Opened before anything is hidden: the plugins may well live below /tmp, /run or /var/lib.
  const Fd own = open_directory(setup_.plugin_dir);
  const Fd foreign = setup_.foreign_ipam_dir.empty() ? Fd() : open_directory(setup_.foreign_ipam_dir);
  for (const char* path : {"/run", "/tmp", "/var/lib"}) {
    must(::mount("tmpfs", path, "tmpfs", 0, "mode=0755"), std::string("tmpfs on ") + path);
  }
  struct stat var_run {};
  if (::lstat("/var/run", &var_run) == 0 && S_ISDIR(var_run.st_mode)) {
    must(::mount("/run", "/var/run", nullptr, MS_BIND, nullptr), "bind /var/run");
  }
  must(::mkdir("/run/netns", 0755), "mkdir /run/netns");
  must(::mkdir("/run/conformance", 0755), "mkdir /run/conformance");
  bind(own, kOwnPlugins);
  if (!foreign.valid()) return;
  bind(foreign, kForeignPlugins);
  make_foreign_doors();
}

bool World::foreign_ipam_was_called() const { return !read_file(kForeignCalls).empty(); }

std::string World::add_netns(const std::string& name) {
  const std::string path = "/run/netns/" + name;
  const Fd file(::open(path.c_str(), O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0444));
  must(file.get(), path);
  must(::unshare(CLONE_NEWNET), "unshare " + path);
  const int mounted = ::mount("/proc/self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr);
  const int error = errno;
  must(::setns(host_.get(), CLONE_NEWNET), "setns back to the host");
  errno = error;
  must(mounted, "bind " + path);
  return path;
}

void World::remove_netns(const std::string& path) {
  must(::umount2(path.c_str(), MNT_DETACH), "umount " + path);
  must(::unlink(path.c_str()), "unlink " + path);
}

void World::inside(const std::string& netns, const std::function<void()>& body) const {
  if (netns.empty()) return body();
  const Fd target(::open(netns.c_str(), O_RDONLY | O_CLOEXEC));
  must(target.get(), netns);
  must(::setns(target.get(), CLONE_NEWNET), "setns " + netns);
  struct Back {
    int host;
    ~Back() { ::setns(host, CLONE_NEWNET); }
  } back{host_.get()};
  body();
}

Command World::command(const std::string& plugin, const char* verb, const std::string& stdin_text,
                       const Attachment& attachment, const Overrides& overrides) const {
  Command command;
  command.argv = {std::string(kOwnPlugins) + "/" + plugin};
  command.env = base_environment();
  command.env["CNI_COMMAND"] = verb;
  command.env["CNI_CONTAINERID"] = attachment.container;
  command.env["CNI_NETNS"] = attachment.netns;
  command.env["CNI_IFNAME"] = attachment.ifname;
  command.env["CNI_PATH"] = cni_path_;
  if (!attachment.args.empty()) command.env["CNI_ARGS"] = attachment.args;
  // Settings of Fairlead's own plugins; no other plugin looks at them.
  command.env["FAIRLEAD_RUN_DIR"] = "/run/fairlead";
  command.env["FAIRLEAD_CONF"] = "/run/conformance/fairlead.conf";
  command.env["FAIRLEAD_LOG_FILE"] = "/run/conformance/cni.log";
  for (const auto& [key, value] : overrides) {
    if (value) {
      command.env[key] = *value;
    } else {
      command.env.erase(key);
    }
  }
  command.stdin_text = stdin_text;
  return command;
}

Reply World::call(const std::string& plugin, const char* verb, const std::string& stdin_text,
                  const Attachment& attachment, const Overrides& overrides, Command::Stdin stdin_mode) const {
  auto command = this->command(plugin, verb, stdin_text, attachment, overrides);
  command.stdin_mode = stdin_mode;
  Reply reply{run(command)};
  if (reply.timed_out) fail(plugin + " " + verb + " did not end within the time limit");
  if (reply.signal != 0) {
    fail(plugin + " " + verb + " was killed by signal " + std::to_string(reply.signal) + ": " + reply.err);
  }
  return reply;
}

Process World::start(const std::string& plugin, const char* verb, const std::string& stdin_text,
                     const Attachment& attachment, bool traced) const {
  Command traced_command = command(plugin, verb, stdin_text, attachment, {});
  traced_command.traced = traced;
  return Process(traced_command);
}

Reply World::call(const char* verb, const Json& config, const Attachment& attachment) const {
  return call(config.at("type").get<std::string>(), verb, config.dump(), attachment);
}

std::string World::tool(const std::vector<std::string>& argv, const std::string& netns,
                        const std::string& stdin_text) const {
  Command command;
  command.argv = argv;
  for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"}) {
    const std::string file = directory + argv.front();
    if (::access(file.c_str(), X_OK) == 0) command.argv.front() = file;
  }
  command.env = base_environment();
  command.stdin_text = stdin_text;
  const Fd target(netns.empty() ? -1 : ::open(netns.c_str(), O_RDONLY | O_CLOEXEC));
  command.netns = target.get();
  const auto output = run(command);
  if (output.exit_code != 0) {
    std::string line;
    for (const auto& word : argv) line += word + " ";
    fail("tool failed: " + line + (stdin_text.empty() ? "" : "<" + stdin_text + "> ") + output.err);
  }
  return output.out;
}

Json World::ip(const std::vector<std::string>& arguments, const std::string& netns) const {
  std::vector<std::string> argv{"ip", "-j"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto text = tool(argv, netns);
  return text.find_first_not_of(" \n") == std::string::npos ? Json::array() : Json::parse(text);
}

void World::ip_batch(const std::string& lines, const std::string& netns) const {
  tool({"ip", "-batch", "-"}, netns, lines);
}

void World::wait_for_change(const std::string& netns, const std::string& otherwise,
                            const std::function<bool()>& condition) const {
  Fd events;
  inside(netns, [&] {
    events = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK | RTMGRP_IPV6_IFADDR;
    must(::bind(events.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind netlink");
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{events.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) fail(otherwise);
    std::array<char, 32768> buffer{};
    while (::recv(events.get(), buffer.data(), buffer.size(), 0) > 0) {
    }
  }
}

}  // namespace fairlead::conformance
