// The result of an ADD, for people.
#pragma once

#include <string>

#include "fairlead/result.hpp"

namespace fairlead::cli {

/// One line per interface with its addresses, then routes and DNS. `result` is JSON of any specification
/// version.
[[nodiscard]] Result<std::string> describe_result(const std::string& result);

}  // namespace fairlead::cli
