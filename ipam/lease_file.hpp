// One network's lease directory, in the format of the reference's host-local, which may work on the same
// directory at the same time:
//
//   <dataDir>/<network>/10.0.0.2             "<container id>\r\n<ifname>", the lease of that address
//   <dataDir>/<network>/last_reserved_ip.0   "10.0.0.2", where the round robin of range set 0 stands
//   <dataDir>/<network>/lock                 flock(2), held around every change
//
// Old versions of the reference wrote the container id alone, with or without white space after it.
// A lease is linked into the directory complete. Where the file system cannot do that (no O_TMPFILE) it
// is created and then written; a process killed in between leaves an empty file, which belongs to nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/ip_address.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::ipam {

/// Whom a lease belongs to: one interface of one container.
struct Owner {
  std::string container_id;
  std::string ifname;
  friend auto operator<=>(const Owner&, const Owner&) = default;
};

/// What a lease file says. An old one has no interface name; an empty one is nobody's.
struct LeaseText {
  std::string container_id{};
  std::string ifname{};
  [[nodiscard]] bool empty() const { return container_id.empty(); }
  [[nodiscard]] bool names_interface() const { return !ifname.empty(); }
  [[nodiscard]] bool is_exactly(const Owner& owner) const {
    return container_id == owner.container_id && ifname == owner.ifname;
  }
  /// Exactly the owner's, or an old lease of its container.
  [[nodiscard]] bool belongs_to(const Owner& owner) const {
    return !empty() && container_id == owner.container_id && (!names_interface() || ifname == owner.ifname);
  }
  bool operator==(const LeaseText&) const = default;
};

/// White space and NUL bytes (what ext4 leaves of a file after a power cut) around the parts are dropped.
[[nodiscard]] LeaseText parse_lease(std::string_view content);
[[nodiscard]] std::string lease_content(const Owner& owner);

/// Which file a lease is: one that was freed and made anew is another, though it may say the same. The number
/// of an inode is given again at once on some file systems, hence the time of its last change.
struct LeaseIdentity {
  std::uint64_t inode = 0;
  std::int64_t changed_seconds = 0;
  std::int64_t changed_nanoseconds = 0;
  bool operator==(const LeaseIdentity&) const = default;
};

/// The lock of a lease directory, released when it goes out of scope.
class DirectoryLock {
 public:
  explicit DirectoryLock(UniqueFd file) : file_(std::move(file)) {}

 private:
  UniqueFd file_;
};

/// The open directory. Every error names the file and, where it was refused, `ipam.dataDir`.
class LeaseDirectory {
 public:
  /// kNotFound if it does not exist.
  [[nodiscard]] static Result<LeaseDirectory> open(const std::string& path);
  [[nodiscard]] static Result<LeaseDirectory> open_or_create(const std::string& path);

  /// Waits for the lock. kTimeout if a signal arrives first: that is the verb's deadline.
  [[nodiscard]] Result<DirectoryLock> lock() const;

  [[nodiscard]] Result<bool> has(const IpAddress& address) const;
  /// Nothing if there is no such lease.
  [[nodiscard]] Result<std::optional<LeaseIdentity>> identify(const IpAddress& address) const;
  /// Nothing if there is no such lease, or if what has its name is no regular file.
  [[nodiscard]] Result<std::optional<LeaseText>> read(const IpAddress& address) const;
  /// kExists if the address has a lease. Nothing is left after an error.
  [[nodiscard]] Result<void> create(const IpAddress& address, const Owner& owner) const;
  /// A lease that is gone is success.
  [[nodiscard]] Result<void> remove(const IpAddress& address) const;
  /// Every address that has a file, read by one pass over the directory's names.
  [[nodiscard]] Result<std::vector<IpAddress>> addresses() const;

  /// The address that range set `set` gave out last, if that is known.
  [[nodiscard]] std::optional<IpAddress> last_reserved(std::size_t set) const;
  [[nodiscard]] Result<void> remember_last(std::size_t set, const IpAddress& address) const;

 private:
  LeaseDirectory(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  [[nodiscard]] Result<void> create_exclusive(const std::string& name, const std::string& content) const;
  [[nodiscard]] Result<void> close_written(UniqueFd file, const std::string& name) const;
  [[nodiscard]] Unexpected failed(int err, const char* operation, const std::string& name) const;
  UniqueFd fd_;
  std::string path_;
};

}  // namespace fairlead::ipam
