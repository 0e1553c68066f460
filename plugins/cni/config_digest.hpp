// Digest of a plugin's configuration: which of several plugins of one type in a chain a record is about.
#pragma once

#include <string>

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// 16 hexadecimal characters over the configuration without what changes from call to call (prevResult,
/// runtimeConfig, args, cni.dev/...).
[[nodiscard]] std::string config_digest(const Document& config);

}  // namespace fairlead::cni
