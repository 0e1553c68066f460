#include "sys/sysctl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/quote.hpp"
#include "base/words.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::sys {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

Result<std::string> path_of(const std::string& key) {
  const std::string framed = "/" + key + "/";
  // There are no files at the top: a key without a slash is one with dots.
  const bool plain = key.find('/') != std::string::npos && key.find('\0') == std::string::npos &&
                     framed.find("//") == std::string::npos && framed.find("/../") == std::string::npos &&
                     framed.find("/./") == std::string::npos;
  if (!plain) {
    return Unexpected(Errc::kInvalid, "sysctl " + quoted(key) + ": the key must be a path below /proc/sys",
                      "write it like net/ipv4/ip_forward");
  }
  return "/proc/sys/" + key;
}

/// Without an operation: the caller has a better name for it than we.
Error plain_error(int err) {
  return {.code = errc_of_errno(err),
          .what = errno_name(err) + ": " + errno_text(err),
          .kernel = KernelDetail{.err = err, .message = {}, .attribute = {}}};
}

int open_retrying(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

}  // namespace

Result<std::optional<std::string>> read_sysctl(const std::string& key) {
  FAIRLEAD_TRY(const std::string path, path_of(key));
  UniqueFd fd(open_retrying(path, O_RDONLY));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return Unexpected(error_from_errno(errno, "read sysctl " + quoted(key)));
  }
  // The kernel hands a value out in one read; a second one at another offset is empty.
  std::array<char, 4096> buffer{};
  ssize_t size = -1;
  do {
    size = ::read(fd.get(), buffer.data(), buffer.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return Unexpected(error_from_errno(errno, "read sysctl " + quoted(key)));
  return std::optional(std::string(trimmed({buffer.data(), static_cast<std::size_t>(size)})));
}

Result<void> write_sysctl(const std::string& key, const std::string& value) {
  FAIRLEAD_TRY(const std::string path, path_of(key));
  auto current = read_sysctl(key);
  if (current) {
    if (!current->has_value()) return Unexpected(plain_error(ENOENT));
    if (same_words(**current, value)) return {};
  } else if (current.error().code != Errc::kDenied) {  // some are write-only (net/ipv4/route/flush)
    return Unexpected(std::move(current).error());
  }
  UniqueFd fd(open_retrying(path, O_WRONLY));
  if (!fd.valid()) {
    Error error = plain_error(errno);
    if (error.code == Errc::kDenied && current) {
      error = std::move(error).with_remedy("it is " + quoted(**current) +
                                           "; set it outside of this container or mount /proc/sys writable");
    }
    return Unexpected(std::move(error));
  }
  ssize_t size = -1;
  do {
    size = ::write(fd.get(), value.data(), value.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return Unexpected(plain_error(errno));
  if (static_cast<std::size_t>(size) != value.size()) {
    return Unexpected(Errc::kInvalid, "the kernel took only a part of the value");
  }
  return {};
}

}  // namespace fairlead::sys
