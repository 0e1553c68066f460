// An owned file descriptor.
#pragma once

#include <utility>

#include "fairlead/result.hpp"

namespace fairlead {

/// Owns one file descriptor and closes it; errors of that close are ignored, so whoever wrote data
/// calls close() and looks at its result.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset();
  /// Closes and reports what close(2) said (EIO, ENOSPC, EDQUOT of delayed writes).
  Result<void> close();

 private:
  int fd_ = -1;
};

}  // namespace fairlead
