// Text as the words it consists of.
#pragma once

#include <string_view>

namespace fairlead {

/// Equal up to the amount of white space: the kernel separates the numbers of a sysctl by tabs.
[[nodiscard]] bool same_words(std::string_view a, std::string_view b);

}  // namespace fairlead
