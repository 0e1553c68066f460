// Foreign text inside our error messages.
#pragma once

#include <string>
#include <string_view>

namespace fairlead {

/// `text` in single quotes, fit for one line of a terminal or a log: bytes that are no printable ASCII
/// become \xNN, anything past 64 bytes is cut.
[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace fairlead
