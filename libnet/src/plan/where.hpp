// In which of the two namespaces an object is, as a sentence says it.
#pragma once

#include <string>

#include "fairlead/link.hpp"

namespace fairlead {

/// " on the host", " in the container".
[[nodiscard]] std::string where(Side side);
/// "cni0", "eth0 in the container": in what is said of an op or a plan the host goes without saying.
[[nodiscard]] std::string place(const std::string& object, Side side);

}  // namespace fairlead
