#include "tests/support/netns.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace fairlead::test {

namespace {

constexpr const char* kDirectory = "/run/netns";  // netns_main mounted a tmpfs of its own on /run

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(2);
}

bool bind_new_netns(const std::string& path) {
  bool bound = false;
  std::thread([&] {
    bound = unshare(CLONE_NEWNET) == 0 &&
            mount("/proc/thread-self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) == 0;
  }).join();
  return bound;
}

}  // namespace

Netns make_netns(const std::string& name) {
  const std::string path = std::string(kDirectory) + "/" + name;
  if (mkdir(kDirectory, 0755) != 0 && errno != EEXIST) give_up("create the directory of namespaces");
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC | O_RDONLY, 0600);
  if (fd < 0) give_up("create the mount point of a namespace");
  ::close(fd);
  if (!bind_new_netns(path)) give_up("bind-mount a network namespace");
  auto netns = Netns::open(path);
  if (!netns) give_up(netns.error().what.c_str());
  return *std::move(netns);
}

void remove_netns(const std::string& name) {
  const std::string path = std::string(kDirectory) + "/" + name;
  umount2(path.c_str(), MNT_DETACH);
  unlink(path.c_str());
}

bool enter_new_netns() { return unshare(CLONE_NEWNET) == 0; }

void NetnsTest::SetUp() {
  ASSERT_TRUE(enter_new_netns());
  container_.emplace(make_netns("container"));
}

void NetnsTest::TearDown() {
  container_.reset();
  remove_netns("container");
}

}  // namespace fairlead::test
