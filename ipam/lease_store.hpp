// Leases of one network: reserve, release, look up, collect. The calling sequence of an IPAM plugin:
//
//   auto store = ipam::LeaseStore::at({.data_dir = "...", .network = "web", .run_dir = *run_directory("")});
//   auto leases = store->allocate(*ipam::Pool::make(sets), {.container_id = id, .ifname = "eth0"}, {});
//   ...
//   auto freed = store->release({.container_id = id, .ifname = "eth0"});
//
// Every change happens under the directory's lock, which is never held across anything but these files.
// No operation but collect(), the first allocate() after a boot, and release() of an interface that the
// index does not know, reads more than a few leases, however many there are.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fairlead/file_time.hpp"
#include "ipam/lease_file.hpp"
#include "ipam/lease_index.hpp"
#include "ipam/pool.hpp"

namespace fairlead::ipam {

inline constexpr const char* kDefaultDataDir = "/var/lib/cni/networks";

struct Location {
  std::string data_dir{};  ///< `ipam.dataDir`; empty means kDefaultDataDir
  std::string network;
  std::string run_dir{};  ///< see run_directory(); without it nothing can be allocated
};

/// An address with what its range says about it.
struct Lease {
  IfaceAddress address;
  std::optional<IpAddress> gateway{};
  bool operator==(const Lease&) const = default;
};

/// Asked who besides the valid ones has to keep what he has.
using AlsoValid = std::function<Result<std::vector<Owner>>()>;

/// A lease that collect() removed; `owner` is empty for a file that was nobody's.
struct Freed {
  IpAddress address;
  LeaseText owner{};
};

class LeaseStore {
 public:
  /// Touches nothing. kInvalid: the data directory is not absolute, or the network's name cannot be a
  /// directory's ([A-Za-z0-9][A-Za-z0-9_.-]*).
  [[nodiscard]] static Result<LeaseStore> at(const Location& location);

  /// One address of every set for `owner`, `requested` ones where there are any (assign_requests). Either
  /// all are reserved or none. kExists: the owner has leases already; kBusy: a requested address is
  /// taken; kExhausted: a set is full, or the disk.
  [[nodiscard]] Result<std::vector<Lease>> allocate(const Pool& pool, const Owner& owner,
                                                    std::span<const IpAddress> requested) const;

  /// Frees what `owner` has, and returns it. Leases, directory or index that are gone are success.
  [[nodiscard]] Result<std::vector<IpAddress>> release(const Owner& owner) const;

  /// The addresses that `owner` has; empty if there are none.
  [[nodiscard]] Result<std::vector<IpAddress>> leases_of(const Owner& owner) const;

  /// Frees the leases of everyone but `valid`. An old lease without interface name stays if its container
  /// is named there. Goes on past errors and returns them joined.
  /// `also_valid` is asked when it is known which leases there are, and a lease that is younger than that
  /// stays: so whoever is entered somewhere before he gets an address never loses it, at whatever moment he
  /// comes. Its error frees nothing.
  /// A lease that was written since `judged_at`, when `valid` was looked up, stays as well.
  [[nodiscard]] Result<std::vector<Freed>> collect(std::span<const Owner> valid,
                                                   const AlsoValid& also_valid = {},
                                                   std::optional<FileTime> judged_at = {}) const;

  /// Whether allocate() would find an address in every set now. Neither locks nor creates anything.
  [[nodiscard]] Result<void> check_available(const Pool& pool) const;

 private:
  explicit LeaseStore(const Location& location);
  /// The addresses that may be the owner's, by the index or by reading every lease.
  [[nodiscard]] Result<std::vector<IpAddress>> candidates(const LeaseDirectory& directory,
                                                          const Owner& owner) const;
  /// Enters the leases that are older than the index: of before a boot, or of the reference plugin.
  [[nodiscard]] Result<void> prepare_index(const LeaseDirectory& directory) const;
  [[nodiscard]] Result<void> refuse_second(const LeaseDirectory& directory, const Owner& owner) const;
  std::string network_;
  std::string path_;
  LeaseIndex index_;
};

}  // namespace fairlead::ipam
