#include "fairlead/unique_fd.hpp"

#include <unistd.h>

#include <cerrno>

namespace fairlead {

void UniqueFd::reset() {
  if (const int fd = release(); fd >= 0) (void)::close(fd);
}

Result<void> UniqueFd::close() {
  const int fd = release();
  // The descriptor is gone even when close(2) reports EINTR (fs/open.c), so it is never repeated.
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return Unexpected(error_from_errno(errno, "close"));
  return {};
}

}  // namespace fairlead
