// Running another CNI plugin as a process of its own.
#pragma once

#include <string>

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// An executable plugin of another build or another origin.
struct ForeignPlugin {
  std::string type;
  std::string file;
};

/// ADD; when it fails, is killed at the deadline or answers no result, its DEL follows.
[[nodiscard]] Result<AddResult> exec_add(const ForeignPlugin& plugin, const Request& request);

/// Any verb but ADD and VERSION.
[[nodiscard]] Result<void> exec_call(const ForeignPlugin& plugin, Verb verb, const Request& request);

}  // namespace fairlead::cni
