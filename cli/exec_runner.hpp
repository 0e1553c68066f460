// Plugins as processes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/runtime/plugin_runner.hpp"

namespace fairlead::cli {

/// "A:B" to its parts; empty ones are dropped.
[[nodiscard]] std::vector<std::string> split_path(const std::string& path);
/// Where plugins are when nothing says so: those of this build or installation, then the places of the
/// reference plugins (upstream's and Debian's).
[[nodiscard]] std::vector<std::string> default_plugin_directories();

class ExecRunner : public PluginRunner {
 public:
  ExecRunner(std::vector<std::string> directories, std::chrono::milliseconds timeout)
      : directories_(std::move(directories)), timeout_(timeout) {}

  [[nodiscard]] Result<PluginAnswer> run(const std::string& type, cni::Verb verb,
                                         const AttachmentArgs& attachment, const std::string& input) override;

 private:
  [[nodiscard]] Result<std::string> find(const std::string& type) const;
  [[nodiscard]] std::string path_variable() const;
  std::vector<std::string> directories_;
  std::chrono::milliseconds timeout_;
};

}  // namespace fairlead::cli
