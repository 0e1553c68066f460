// JSON text to values and back, for the files of this folder.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead::cli {

/// An object. Limits of size and depth are those of a plugin's configuration.
[[nodiscard]] Result<nlohmann::json> parse_object(std::string_view text);
/// One line. Bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string to_text(const nlohmann::json& value);
/// For people: two blanks per level.
[[nodiscard]] std::string to_pretty_text(const nlohmann::json& value);

}  // namespace fairlead::cli
