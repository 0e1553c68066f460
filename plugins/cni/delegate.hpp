// Delegation to an IPAM (or other) plugin: in this process when the executable that CNI_PATH resolves
// to is of our own build, else by executing it.
#pragma once

#include <string>

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// A delegate plugin, resolved once per call.
class Delegate {
 public:
  /// Looks `type` up in CNI_PATH. `type` holding '/' or not found: an error that names CNI_PATH.
  [[nodiscard]] static Result<Delegate> find(const Request& request, const std::string& type);

  /// The delegate's answer to the caller's own request (same environment, same standard input), with the
  /// verb replaced. A failing foreign ADD is followed by its DEL before the error is returned. A foreign
  /// plugin's process inherits `lock_fd`.
  [[nodiscard]] Result<AddResult> add(const Request& request, int lock_fd) const;
  /// DEL, CHECK, GC or STATUS.
  [[nodiscard]] Result<void> call(Verb verb, const Request& request) const;

  [[nodiscard]] bool in_process() const { return plugin_ != nullptr; }

 private:
  Delegate(std::string type, std::string file, const Plugin* plugin)
      : type_(std::move(type)), file_(std::move(file)), plugin_(plugin) {}
  std::string type_;
  std::string file_;
  const Plugin* plugin_;
};

}  // namespace fairlead::cni
