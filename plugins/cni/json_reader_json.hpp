// JSON text to a tree of values under limits, without exceptions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/result.hpp"

namespace fairlead::cni {

struct JsonReading {
  nlohmann::json root;
  std::vector<std::string> repeated_keys;  ///< paths
};

/// kDecodeFailure for bad syntax, text after the value, more than `max_size` bytes or `max_depth` levels;
/// kInvalidConfig, with its path, for a key or a string that holds a NUL.
[[nodiscard]] Result<JsonReading> read_json(std::string_view text, std::size_t max_size,
                                            std::size_t max_depth);

}  // namespace fairlead::cni
