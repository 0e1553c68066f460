#include "cli/exec_runner.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "libnet/src/base/quote.hpp"
#include "plugins/cni/exec_delegate.hpp"

namespace fairlead::cli {

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::vector<std::string> default_plugin_directories() {
  namespace fs = std::filesystem;
  std::vector<std::string> directories;
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  // Installed, or in a build tree.
  for (const auto& directory : {own / FAIRLEAD_RELATIVE_CNI_DIR, own / "../libexec/cni"}) {
    std::error_code missing;
    if (!own.empty() && fs::is_directory(directory, missing)) {
      directories.push_back(directory.lexically_normal().string());
    }
  }
  directories.insert(directories.end(), {"/opt/cni/bin", "/usr/lib/cni"});
  return directories;
}

std::string ExecRunner::path_variable() const {
  std::string path;
  for (const auto& directory : directories_) path += (path.empty() ? "" : ":") + directory;
  return path;
}

Result<std::string> ExecRunner::find(const std::string& type) const {
  if (type.find('/') != std::string::npos) {
    return Unexpected(Errc::kInvalid, "type: " + fairlead::quoted(type) + " is no file name");
  }
  for (const auto& directory : directories_) {
    std::error_code error;
    const auto file = std::filesystem::path(directory) / type;
    if (std::filesystem::is_regular_file(file, error)) return file.string();
  }
  return Unexpected(Errc::kNotFound, "no executable " + fairlead::quoted(type) + " in " + path_variable(),
                    "--plugin-dir names another directory");
}

Result<PluginAnswer> ExecRunner::run(const std::string& type, cni::Verb verb,
                                     const AttachmentArgs& attachment, const std::string& input) {
  FAIRLEAD_TRY(const std::string file, find(type));
  const cni::ProcessCall call{.file = file,
                              .variables = {{"CNI_COMMAND", cni::to_string(verb)},
                                            {"CNI_CONTAINERID", attachment.container_id},
                                            {"CNI_NETNS", attachment.netns},
                                            {"CNI_IFNAME", attachment.ifname},
                                            {"CNI_ARGS", to_string(attachment.cni_args)},
                                            {"CNI_PATH", path_variable()}},
                              .input = input,
                              .deadline = Deadline::after(timeout_)};
  FAIRLEAD_TRY(auto outcome, cni::exec_process(call));
  const int status = outcome.wait_status;
  return PluginAnswer{.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                      .output = std::move(outcome.output),
                      .file = file};
}

}  // namespace fairlead::cli
