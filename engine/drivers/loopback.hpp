// The loopback driver: the container's lo up (or down again). The kernel itself adds 127.0.0.1/8 and ::1/128.
#pragma once

#include "engine/drivers/driver.hpp"

namespace fairlead::engine {

/// Name of the loopback interface, the same in every namespace (drivers/net/loopback.c).
[[nodiscard]] LinkName loopback_link();

/// The wanted administrative state of lo in the container.
[[nodiscard]] Desired loopback_desired(bool up);

}  // namespace fairlead::engine
