// Which addresses an interface of a container has, without reading every lease.
//
// `<run>/leases/<hash of data directory and network>/<hash of container id and ifname>` is a symbolic link
// whose target is the list of addresses, "10.0.0.2,2001:db8::2": it is created with its content in one
// system call, so no half-written entry exists, and costs 16 us at 60,000 leases where reading every
// lease costs 170 ms. It is written before the leases and removed after them, so after a crash it names
// at least what was reserved. It is a hint: what a lease file says decides.
//
// Leases outlive a boot, the run directory does not, and other programs write leases too. So the directory
// comes into being with an entry for every lease that is there (build()), and an entry that does not agree
// with the lease files is no answer.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ipam/lease_file.hpp"

namespace fairlead::ipam {

class LeaseIndex {
 public:
  /// Touches nothing. With an empty `run_dir` there is no index: reads find nothing, write is kInvalid.
  LeaseIndex(const std::string& run_dir, const std::string& data_dir, const std::string& network);

  /// Empty if there is no index.
  [[nodiscard]] const std::string& directory() const { return directory_; }

  /// The name of an owner's entry.
  [[nodiscard]] static std::string name_of(const Owner& owner);

  /// Whether the directory exists: then owners without an entry had no lease when it was made.
  [[nodiscard]] bool is_built() const;
  /// Makes the directory with these entries, all of them or none. The lease directory's lock must be held.
  [[nodiscard]] Result<void> build(const std::map<Owner, std::vector<IpAddress>>& leases) const;

  /// Nothing if there is no entry. An entry that cannot be read or parsed counts as none.
  [[nodiscard]] std::optional<std::vector<IpAddress>> find(const Owner& owner) const;
  [[nodiscard]] std::optional<std::vector<IpAddress>> find(const std::string& name) const;
  /// Replaces an entry that is there. Makes the directory when it is missing.
  [[nodiscard]] Result<void> write(const Owner& owner, std::span<const IpAddress> addresses) const;
  /// An entry that is gone is success.
  [[nodiscard]] Result<void> remove(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::string directory_;  // empty: no index
};

}  // namespace fairlead::ipam
