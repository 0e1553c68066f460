// Which network namespace a socket belongs to.
#pragma once

#include <cstdint>

#include "fairlead/result.hpp"

namespace fairlead::sys {

/// SO_NETNS_COOKIE of the namespace that `socket` was born in.
[[nodiscard]] Result<std::uint64_t> netns_cookie_of_socket(int socket);

}  // namespace fairlead::sys
