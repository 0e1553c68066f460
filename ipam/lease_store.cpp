// Reserving addresses. The order is: choose under the lock, write the index, create the leases, remember
// where the round robin stands. A process that is killed between any two of these leaves an index entry
// that names every lease it made, and release() takes both away.
#include "ipam/lease_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "fairlead/ids.hpp"
#include "ipam/pick.hpp"

namespace fairlead::ipam {
namespace {

// So many addresses are looked up one by one (1 us each) before the directory is read at once (10 ms at
// 60,000 leases): the round robin nearly always meets a free one at once.
constexpr unsigned kProbes = 64;

constexpr const char* kSetDataDir = "set ipam.dataDir to a writable directory";
constexpr const char* kSetRunDir = "set FAIRLEAD_RUN_DIR to a writable directory";

bool is_network_name(const std::string& name) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  return !name.empty() && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
}

Result<void> check_owner(const Owner& owner) {
  const bool printable = std::all_of(owner.container_id.begin(), owner.container_id.end(),
                                     [](char c) { return c > ' ' && c != '\x7f'; });
  if (owner.container_id.empty() || !printable) {
    return Unexpected(Errc::kInvalid, "the container id is empty or holds white space or control bytes",
                      "correct CNI_CONTAINERID, which becomes a line of the lease file");
  }
  if (auto name = LinkName::parse(owner.ifname); !name)
    return Unexpected(std::move(name).error().with_remedy("correct CNI_IFNAME"));
  return {};
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Unexpected exhausted(const RangeSet& set) {
  const bool one = set.capacity() == 1;
  return Unexpected(Errc::kExhausted,
                    "no IP addresses available in range set: " + set.to_string() + ": " +
                        (one ? "the only address" : "all " + to_string(set.capacity()) + " addresses") +
                        " of " + set.subnets() + (one ? " is in use" : " are in use"),
                    "enlarge the range or remove stale containers (fairlead net gc)");
}

/// The next free address in round robin.
Result<IpAddress> pick(const LeaseDirectory& directory, const RangeSet& set, std::size_t number) {
  const PickOrder order(set, directory.last_reserved(number));
  const Uint128 probes = std::min(order.size(), Uint128{kProbes});
  for (Uint128 position = 0; position < probes; ++position) {
    const IpAddress address = order.at(position);
    if (set.is_gateway(address)) continue;
    FAIRLEAD_TRY(const bool taken, directory.has(address));
    if (!taken) return address;
  }
  if (order.size() == probes) return exhausted(set);
  FAIRLEAD_TRY(const std::vector<IpAddress> taken, directory.addresses());
  const auto free = order.first_free(taken);
  if (!free) return exhausted(set);
  return *free;
}

Result<IpAddress> take_requested(const LeaseDirectory& directory, const RangeSet& set,
                                 const IpAddress& requested) {
  FAIRLEAD_TRY(const bool taken, directory.has(requested));
  if (!taken) return requested;
  FAIRLEAD_TRY(const auto holder, directory.read(requested));
  std::string what =
      "requested IP address " + requested.to_string() + " is not available in range set " + set.to_string();
  if (holder && !holder->empty()) what += ": container " + holder->container_id + " has it";
  return Unexpected(Errc::kBusy, std::move(what),
                    "request another address, or remove that container (fairlead net gc, if it is gone)");
}

/// One address of every set. Reads only.
Result<std::vector<IpAddress>> choose(const LeaseDirectory& directory, const Pool& pool,
                                      const std::vector<std::optional<IpAddress>>& requests) {
  std::vector<IpAddress> chosen;
  for (std::size_t i = 0; i < pool.sets().size(); ++i) {
    const RangeSet& set = pool.sets()[i];
    auto address = requests[i] ? take_requested(directory, set, *requests[i]) : pick(directory, set, i);
    if (!address)
      return Unexpected(std::move(address).error().with_context("range set " + std::to_string(i)));
    chosen.push_back(*address);
  }
  return chosen;
}

/// Creates the leases and moves the round robin on. `created` grows with every lease that exists.
Result<void> create_leases(const LeaseDirectory& directory, const Owner& owner,
                           const std::vector<IpAddress>& chosen, std::vector<IpAddress>& created) {
  for (const IpAddress& address : chosen) {
    FAIRLEAD_CHECK(directory.create(address, owner));
    created.push_back(address);
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) FAIRLEAD_CHECK(directory.remember_last(i, chosen[i]));
  return {};
}

/// Index, then leases; after an error neither.
Result<void> reserve(const LeaseDirectory& directory, const LeaseIndex& index, const Owner& owner,
                     const std::vector<IpAddress>& chosen) {
  FAIRLEAD_CHECK(index.write(owner, chosen));
  std::vector<IpAddress> created;
  auto reserved = create_leases(directory, owner, chosen, created);
  if (reserved) return reserved;
  Error error = reserved.error();
  for (; !created.empty(); created.pop_back()) {
    if (auto removed = directory.remove(created.back()); !removed) error.secondary.push_back(removed.error());
  }
  if (auto removed = index.remove(LeaseIndex::name_of(owner)); !removed)
    error.secondary.push_back(removed.error());
  return Unexpected(std::move(error));
}

Result<std::vector<Lease>> describe(const Pool& pool, const std::vector<IpAddress>& chosen) {
  std::vector<Lease> leases;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const Range* range = pool.sets()[i].range_of(chosen[i]);
    FAIRLEAD_TRY(const IfaceAddress address, IfaceAddress::make(chosen[i], range->subnet().prefix()));
    leases.push_back({.address = address, .gateway = range->gateway()});
  }
  return leases;
}

/// Whether the directory, or the nearest one above it that exists, lets us create files.
Result<void> check_writable(std::string path, const char* remedy) {
  while (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    const int err = errno;
    const std::size_t slash = path.find_last_of('/');
    if (err != ENOENT || slash == std::string::npos || path.size() == 1)
      return Unexpected(error_from_errno(err, "write to " + path).with_remedy(remedy));
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
  return {};
}

}  // namespace

LeaseStore::LeaseStore(const Location& location)
    : network_(location.network),
      path_(location.data_dir + "/" + location.network),
      index_(location.run_dir, location.data_dir, location.network) {}

Result<LeaseStore> LeaseStore::at(const Location& location) {
  if (!is_network_name(location.network)) {
    return Unexpected(Errc::kInvalid, "the network's name cannot name a lease directory",
                      "use letters, digits, '_', '.' and '-', beginning with a letter or digit");
  }
  Location clean = location;
  clean.data_dir = location.data_dir.empty() ? kDefaultDataDir : without_trailing_slashes(location.data_dir);
  if (clean.data_dir.front() != '/' || clean.data_dir.find('\0') != std::string::npos)
    return Unexpected(Errc::kInvalid, "ipam.dataDir is not an absolute path", "write it from the root on");
  return LeaseStore(clean);
}

Result<void> LeaseStore::prepare_index(const LeaseDirectory& directory) const {
  if (index_.directory().empty() || index_.is_built()) return {};
  FAIRLEAD_TRY(const std::vector<IpAddress> addresses, directory.addresses());
  std::map<Owner, std::vector<IpAddress>> leases;
  for (const IpAddress& address : addresses) {
    FAIRLEAD_TRY(const auto lease, directory.read(address));
    if (!lease || !lease->names_interface()) continue;
    leases[{.container_id = lease->container_id, .ifname = lease->ifname}].push_back(address);
  }
  return index_.build(leases);
}

Result<void> LeaseStore::refuse_second(const LeaseDirectory& directory, const Owner& owner) const {
  const auto known = index_.find(owner);
  if (!known) return {};
  for (const IpAddress& address : *known) {
    FAIRLEAD_TRY(const auto lease, directory.read(address));
    if (!lease) continue;
    if (lease->empty()) {
      // Ours, from a process that was killed between creating and writing it: no one else writes while
      // we hold the lock.
      FAIRLEAD_CHECK(directory.remove(address));
    } else if (lease->belongs_to(owner)) {
      return Unexpected(Errc::kExists,
                        address.to_string() + " has been allocated to container " + owner.container_id +
                            " interface " + owner.ifname + ", duplicate allocation is not allowed",
                        "call DEL first, or use another interface name");
    }
  }
  return {};
}

Result<std::vector<Lease>> LeaseStore::allocate(const Pool& pool, const Owner& owner,
                                                std::span<const IpAddress> requested) const {
  const auto in_context = [&](Error error) {
    return Unexpected(std::move(error).with_context("allocate from network " + network_));
  };
  if (auto valid = check_owner(owner); !valid) return in_context(valid.error());
  auto requests = assign_requests(pool, requested);
  if (!requests) return in_context(std::move(requests).error());
  auto directory = LeaseDirectory::open_or_create(path_);
  if (!directory) return in_context(std::move(directory).error());
  const auto lock = directory->lock();
  if (!lock) return in_context(lock.error());
  if (auto ready = prepare_index(*directory); !ready) return in_context(ready.error());
  if (auto first = refuse_second(*directory, owner); !first) return in_context(first.error());
  auto chosen = choose(*directory, pool, *requests);
  if (!chosen) return in_context(std::move(chosen).error());
  if (auto reserved = reserve(*directory, index_, owner, *chosen); !reserved)
    return in_context(reserved.error());
  return describe(pool, *chosen);
}

Result<void> LeaseStore::check_available(const Pool& pool) const {
  const std::string context = "network " + network_;
  auto writable = check_writable(path_, kSetDataDir);
  if (writable) writable = check_writable(index_.directory(), kSetRunDir);
  if (!writable) return Unexpected(Error(writable.error()).with_context(context));
  auto directory = LeaseDirectory::open(path_);
  if (!directory) {
    if (directory.error().code == Errc::kNotFound) return {};
    return Unexpected(std::move(directory).error().with_context(context));
  }
  auto chosen = choose(*directory, pool, std::vector<std::optional<IpAddress>>(pool.sets().size()));
  if (!chosen) return Unexpected(std::move(chosen).error().with_context(context));
  return {};
}

}  // namespace fairlead::ipam
