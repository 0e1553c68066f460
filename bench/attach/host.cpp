#include "bench/attach/host.hpp"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/support/measure.hpp"

extern char** environ;

namespace fairlead::bench {
namespace {

void mount_tmpfs(const char* directory) {
  if (mount("tmpfs", directory, "tmpfs", 0, "mode=0755") != 0)
    die_errno(std::string("tmpfs on ") + directory);
}

void make_directory(const char* directory) {
  if (mkdir(directory, 0755) != 0 && errno != EEXIST) die_errno(directory);
}

}  // namespace

void enter_private_namespaces() {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) die_errno("unshare (root is needed)");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) die_errno("make mounts private");
  mount_tmpfs("/run");
  make_directory("/run/netns");
  mount_tmpfs("/var/lib");
  make_directory("/var/lib/cni");
  mount_tmpfs("/var/log");
}

Namespace::Namespace(const std::string& name) : path_("/run/netns/" + name) {
  const int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  const int target = open(path_.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (before < 0 || target < 0) die_errno(path_);
  close(target);
  if (unshare(CLONE_NEWNET) != 0) die_errno("unshare");
  if (mount("/proc/self/ns/net", path_.c_str(), nullptr, MS_BIND, nullptr) != 0) die_errno("bind " + path_);
  if (setns(before, CLONE_NEWNET) != 0) die_errno("setns");
  close(before);
}

Namespace::~Namespace() {
  if (path_.empty()) return;
  umount2(path_.c_str(), MNT_DETACH);
  unlink(path_.c_str());
}

void Namespace::enter() const {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) die_errno(path_);
  close(fd);
}

void prepare(const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const auto& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  pid_t pid = -1;
  int status = -1;
  if (posix_spawnp(&pid, pointers[0], nullptr, nullptr, pointers.data(), environ) != 0 ||
      waitpid(pid, &status, 0) != pid || status != 0)
    die("preparing the stage failed: " + argv[0] + " " + (argv.size() > 1 ? argv[1] : ""));
}

}  // namespace fairlead::bench
