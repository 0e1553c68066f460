#include "cli/runtime/this_host.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "fairlead/file.hpp"
#include "fairlead/netns.hpp"

namespace fairlead::cli {
namespace {

// Of the namespaces that the kernel starts with (PROC_PID_INIT_INO, include/linux/proc_ns.h).
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;
constexpr ino_t kFirstTimeNamespace = 0xEFFFFFFA;

struct stat status_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) status = {};
  return status;
}

/// CLOCK_BOOTTIME is the time since the boot, suspended or not, apart from what a time namespace adds to it.
std::optional<FileTime> boot_time() {
  const ino_t time_namespace = status_of("/proc/self/ns/time").st_ino;
  // A kernel without time namespaces has no such file.
  if (time_namespace != kFirstTimeNamespace && time_namespace != 0) return std::nullopt;
  timespec up{};
  if (clock_gettime(CLOCK_BOOTTIME, &up) != 0) return std::nullopt;
  return file_time_now() - (std::chrono::seconds(up.tv_sec) + std::chrono::nanoseconds(up.tv_nsec));
}

/// The oldest change to anything beside the run directory. A tmpfs begins with the boot, and its times are
/// those of the clock as it was then: what came later is not older, however far the clock has been set
/// forward since (a virtual machine that was paused). Nothing if there is nothing to look at.
std::optional<FileTime> oldest_beside(const std::string& run_dir) {
  std::optional<FileTime> oldest;
  std::error_code error;
  std::filesystem::directory_iterator entries(std::filesystem::path(run_dir).parent_path(), error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    struct stat status {};
    if (lstat(entries->path().c_str(), &status) != 0) continue;
    const FileTime changed(std::chrono::seconds(status.st_ctim.tv_sec) +
                           std::chrono::nanoseconds(status.st_ctim.tv_nsec));
    oldest = std::min(oldest.value_or(changed), changed);
  }
  return error ? std::nullopt : oldest;
}

/// By both clocks: one may have been set since.
std::optional<FileTime> surely_before_boot(const std::string& run_dir) {
  const std::optional<FileTime> by_clock = boot_time();
  const std::optional<FileTime> by_files = oldest_beside(run_dir);
  if (!by_clock || !by_files) return std::nullopt;
  return std::min(*by_clock, *by_files);
}

}  // namespace

Result<ThisHost> this_host(const std::string& run_dir) {
  ThisHost host;
  host.cookie_at = [](const std::string& path) -> Result<std::uint64_t> {
    FAIRLEAD_TRY(const auto netns, Netns::open(path));
    return netns.cookie();
  };
  host.sees_every_process = status_of("/proc/self/ns/pid").st_ino == kFirstPidNamespace;
  host.is_beside_records = [run_dir](const std::string& path) {
    const struct stat records = status_of(run_dir);
    const struct stat directory = status_of(path);
    return S_ISDIR(records.st_mode) && S_ISDIR(directory.st_mode) && records.st_dev == directory.st_dev;
  };
  host.booted_at = surely_before_boot(run_dir);
  FAIRLEAD_TRY(host.boot_id, boot_id());
  FAIRLEAD_TRY(const auto own, Netns::current());
  FAIRLEAD_TRY(host.cookie, own.cookie());
  return host;
}

}  // namespace fairlead::cli
