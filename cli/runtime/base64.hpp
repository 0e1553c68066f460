// RFC 4648 base64 with padding: how Go's encoding/json writes bytes.
#pragma once

#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead::cli {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// kInvalid for a character outside the alphabet, or wrong padding.
[[nodiscard]] Result<std::string> base64_decode(std::string_view text);

}  // namespace fairlead::cli
