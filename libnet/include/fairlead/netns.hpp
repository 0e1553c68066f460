// Network namespace handles. A namespace is entered by a throw-away thread only: nothing is ever
// switched back, so no thread of the process can be left in the wrong one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "fairlead/unique_fd.hpp"

namespace fairlead {

/// An open network namespace.
class Netns {
 public:
  /// Opens `path`. kNotFound if there is nothing, kInvalid if it is not a network namespace
  /// (NSFS_MAGIC and NS_GET_NSTYPE are checked).
  [[nodiscard]] static Result<Netns> open(const std::string& path);
  /// The namespace that the calling thread is in.
  [[nodiscard]] static Result<Netns> current();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// SO_NETNS_COOKIE: unique until the host reboots, unlike the inode number. Linux 5.14.
  [[nodiscard]] Result<std::uint64_t> cookie() const;

  /// Runs `work` on a throw-away thread that is in this namespace and joins it. In `work`, sockets
  /// are born in the namespace and /proc/sys/net (not /proc/net) shows it.
  [[nodiscard]] Result<void> run(const std::function<Result<void>()>& work) const;

 private:
  Netns(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

}  // namespace fairlead
