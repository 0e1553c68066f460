// The CNI plugin `loopback`. Stateless: it leaves no record.
#pragma once

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

[[nodiscard]] const Plugin& loopback_plugin();

}  // namespace fairlead::cni
