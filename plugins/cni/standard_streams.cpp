#include "plugins/cni/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fairlead/deadline.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {
namespace {

/// After a failed call, whose errno may be EINTR because of the deadline.
Unexpected failed(const std::string& operation) {
  if (errno == EINTR) return Unexpected(Errc::kTimeout, operation + ": the deadline passed");
  return Unexpected(error_from_errno(errno, operation));
}

}  // namespace

bool open_missing_streams() {
  bool has_output = true;
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    if (fd == STDOUT_FILENO) has_output = false;
    // open(2) takes the lowest free number, which is this one: the lower ones were looked at before. It
    // stays open for as long as the process lives.
    static_cast<void>(::open("/dev/null", O_RDWR));
  }
  return has_output;
}

Result<std::string> read_to_end(int fd, std::size_t limit) {
  constexpr std::size_t kFirstRead = 16U << 10U;
  std::string text;
  std::size_t used = 0;
  while (true) {
    if (used == text.size()) text.resize(std::min(std::max(kFirstRead, 2 * used), limit + 1));
    const ssize_t count = ::read(fd, text.data() + used, text.size() - used);
    if (count < 0) {
      if (errno == EINTR && !Deadline::passed()) continue;
      return failed("read standard input");
    }
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used > limit) {
      return fail(kDecodeFailure, "standard input has more than " + std::to_string(limit) + " bytes");
    }
  }
  text.resize(used);
  return text;
}

Result<void> write_whole(int fd, std::string_view text, const char* file) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0) {
      if (errno == EINTR && !Deadline::passed()) continue;
      return failed(std::string("write ") + file);
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace fairlead::cni
