// main() of the netns test binaries: the process moves into user, network and mount namespaces of its own
// before it runs a test, so that no test can touch the host's network and process death is the teardown.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

void require(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::exit(1);
}

void write_file(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  require(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
  close(fd);
}

void enter_namespaces() {
  const std::string uid = std::to_string(getuid()), gid = std::to_string(getgid());
  require(unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) == 0, "unshare user, net and mount namespaces");
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + uid + " 1");
  write_file("/proc/self/gid_map", "0 " + gid + " 1");
  require(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
  require(mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0, "mount /run");

  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  require(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0, "set lo up");
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  bool list_only = false;  // ctest's discovery runs at build time, possibly without the privilege
  for (int i = 1; i < argc; ++i) list_only = list_only || std::string_view(argv[i]) == "--gtest_list_tests";
  testing::InitGoogleTest(&argc, argv);
  if (!list_only) enter_namespaces();
  return RUN_ALL_TESTS();
}
