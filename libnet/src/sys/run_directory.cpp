#include "fairlead/run_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/words.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead {
namespace {

constexpr const char* kSystemDirectory = "/run/fairlead";

// user_namespaces(7): the initial namespace maps the whole range onto itself. A namespace that was
// given that very map behaves like the initial one here. Without /proc nothing speaks for another.
bool has_initial_uid_map() {
  const UniqueFd file(::open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> text{};
  const ssize_t size = file.valid() ? ::read(file.get(), text.data(), text.size()) : 0;
  if (size <= 0) return true;
  constexpr std::string_view kInitial = "0 0 4294967295";  // inside, outside, count
  return same_words({text.data(), static_cast<std::size_t>(size)}, kInitial);
}

bool is_writable(const char* path) { return ::faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0; }

bool system_directory_is_writable() {
  if (is_writable(kSystemDirectory)) return true;
  return errno == ENOENT && is_writable("/run");
}

bool is_own_directory(const char* path) {
  struct stat status {};
  return ::stat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

}  // namespace

Result<std::string> choose_run_directory(const RunDirectoryInputs& inputs) {
  if (!inputs.configured.empty()) {
    if (inputs.configured.front() != '/') {
      return Unexpected(Errc::kInvalid, "run directory \"" + inputs.configured + "\" is not an absolute path",
                        "set FAIRLEAD_RUN_DIR or runDir to an absolute path");
    }
    return inputs.configured;
  }
  if (inputs.initial_user_namespace) return std::string(kSystemDirectory);
  if (!inputs.xdg_runtime_dir.empty() && inputs.xdg_runtime_dir.front() == '/' && inputs.xdg_is_ours) {
    return inputs.xdg_runtime_dir + "/fairlead";
  }
  if (inputs.system_is_writable) return std::string(kSystemDirectory);
  return Unexpected(
      Errc::kDenied,
      "choose run directory: this is a user namespace, XDG_RUNTIME_DIR is not a directory of ours, "
      "and /run/fairlead is not writable",
      "set FAIRLEAD_RUN_DIR to a writable directory");
}

Result<std::string> run_directory(const std::string& configured) {
  RunDirectoryInputs inputs{.configured = configured};
  if (!configured.empty()) return choose_run_directory(inputs);
  // Asked once per process: two callers in one ADD want to know.
  static const bool initial_user_namespace = has_initial_uid_map();
  inputs.initial_user_namespace = initial_user_namespace;
  if (inputs.initial_user_namespace) return choose_run_directory(inputs);
  if (const char* xdg = std::getenv("XDG_RUNTIME_DIR"); xdg != nullptr) {
    inputs.xdg_runtime_dir = xdg;
    inputs.xdg_is_ours = is_own_directory(xdg);
  }
  inputs.system_is_writable = system_directory_is_writable();
  return choose_run_directory(inputs);
}

}  // namespace fairlead
