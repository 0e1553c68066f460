// Executing a plugin, as the runtime needs it.
#pragma once

#include <string>

#include "cli/runtime/request.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cli {

/// The attachment that a call is about; all empty for GC and STATUS.
struct AttachmentArgs {
  std::string container_id{};
  std::string netns{};
  std::string ifname{};
  CniArgs cni_args{};
  std::string capability_args{};  ///< JSON object, or empty
};

struct PluginAnswer {
  int exit_status = 0;   ///< -1 if it was killed
  std::string output{};  ///< standard output
  std::string file{};    ///< the executable
};

class PluginRunner {
 public:
  PluginRunner() = default;
  PluginRunner(const PluginRunner&) = delete;
  PluginRunner& operator=(const PluginRunner&) = delete;
  virtual ~PluginRunner() = default;

  /// Runs the plugin of that type with `input` on its standard input. kNotFound if there is none, kTimeout
  /// if it does not end in time.
  [[nodiscard]] virtual Result<PluginAnswer> run(const std::string& type, cni::Verb verb,
                                                 const AttachmentArgs& attachment,
                                                 const std::string& input) = 0;
};

}  // namespace fairlead::cli
