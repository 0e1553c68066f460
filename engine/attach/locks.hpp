// Locks between processes. Order: attachment, bridge, published ports, then IPAM's own.
//
// Open-file-description byte-range locks (fcntl(2), F_OFD_SETLKW) on files that are never removed: one byte
// at an offset that is derived from the name. No unlink race, no retries, and half the cost of a file per
// lock (24 us against 41); a collision of two names only serialises them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/attach/identity.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::engine {

/// Holds one byte of a lock file until it is destroyed.
class RangeLock {
 public:
  /// Waits. kTimeout when the verb's deadline passes.
  [[nodiscard]] static Result<RangeLock> wait(const std::string& file, std::uint64_t offset);
  /// kBusy if somebody else holds it.
  [[nodiscard]] static Result<RangeLock> try_take(const std::string& file, std::uint64_t offset);

  /// The lock lasts as long as any process has this open file description.
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit RangeLock(UniqueFd fd) : fd_(std::move(fd)) {}
  static Result<RangeLock> take(const std::string& file, std::uint64_t offset, bool wait);
  UniqueFd fd_;
};

/// The lock of an attachment, in `<run>/lock`.
[[nodiscard]] Result<RangeLock> lock_attachment(const std::string& run_dir, const Identity& identity);
[[nodiscard]] Result<RangeLock> try_lock_attachment(const std::string& run_dir, const AttachmentKey& key);
/// The lock of a bridge's shared state, in `<run>/lock.bridge`.
[[nodiscard]] Result<RangeLock> lock_bridge(const std::string& run_dir, std::string_view bridge);

/// Offset of a key's byte: its first 62 bits (off_t is signed, and the byte after it must exist).
[[nodiscard]] std::uint64_t lock_offset(std::span<const std::uint8_t> key);

}  // namespace fairlead::engine
