#include "sys/socket_cookie.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace fairlead::sys {

Result<std::uint64_t> netns_cookie_of_socket(int socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof(cookie);
  if (getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) {
    return Unexpected(error_from_errno(errno, "ask for the cookie of a network namespace")
                          .with_remedy("Linux 5.14 or newer is needed"));
  }
  return cookie;
}

}  // namespace fairlead::sys
