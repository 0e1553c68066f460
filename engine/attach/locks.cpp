#include "engine/attach/locks.hpp"

#include <fcntl.h>

#include <cerrno>

#include "fairlead/deadline.hpp"
#include "fairlead/digest.hpp"
#include "fairlead/file.hpp"

namespace fairlead::engine {
namespace {

constexpr const char* kRemedy = "the run directory must be writable; FAIRLEAD_RUN_DIR names another one";

Result<UniqueFd> open_lock_file(const std::string& file) {
  const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  int fd = open(file.c_str(), flags, 0600);
  if (fd < 0 && errno == ENOENT) {
    Result<void> made = make_directories(file.substr(0, file.rfind('/')));
    if (!made) return Unexpected(std::move(made).error().with_remedy(kRemedy));
    fd = open(file.c_str(), flags, 0600);
  }
  if (fd < 0) {
    return Unexpected(error_from_errno(errno, "open lock file " + file).with_remedy(kRemedy));
  }
  return UniqueFd(fd);
}

}  // namespace

std::uint64_t lock_offset(std::span<const std::uint8_t> key) {
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < 8; ++i) offset = (offset << 8U) | key[i];
  return offset >> 2U;
}

Result<RangeLock> RangeLock::take(const std::string& file, std::uint64_t offset, bool wait) {
  FAIRLEAD_TRY(UniqueFd fd, open_lock_file(file));
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(offset);
  range.l_len = 1;
  while (fcntl(fd.get(), wait ? F_OFD_SETLKW : F_OFD_SETLK, &range) != 0) {
    if (errno == EINTR && !Deadline::passed()) continue;
    if (errno == EINTR) {
      return Unexpected(Errc::kTimeout,
                        "wait for the lock in " + file + ": another call holds it past our deadline",
                        "try again later");
    }
    return Unexpected(error_from_errno(errno, "lock " + file));
  }
  return RangeLock(std::move(fd));
}

Result<RangeLock> RangeLock::wait(const std::string& file, std::uint64_t offset) {
  return take(file, offset, true);
}

Result<RangeLock> RangeLock::try_take(const std::string& file, std::uint64_t offset) {
  return take(file, offset, false);
}

Result<RangeLock> lock_attachment(const std::string& run_dir, const Identity& identity) {
  return RangeLock::wait(run_dir + "/lock", lock_offset(identity.key()));
}

Result<RangeLock> try_lock_attachment(const std::string& run_dir, const AttachmentKey& key) {
  return RangeLock::try_take(run_dir + "/lock", lock_offset(key));
}

Result<RangeLock> lock_bridge(const std::string& run_dir, std::string_view bridge) {
  return RangeLock::wait(run_dir + "/lock.bridge", lock_offset(sha256_of({bridge})));
}

}  // namespace fairlead::engine
