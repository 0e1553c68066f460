// Giving addresses back: by the index, or by reading every lease where the index does not know.
#include <algorithm>

#include "ipam/lease_store.hpp"

namespace fairlead::ipam {
namespace {

/// Whose leases collect() keeps.
class Valid {
 public:
  explicit Valid(std::span<const Owner> owners) : owners_(owners.begin(), owners.end()) {
    std::sort(owners_.begin(), owners_.end());
  }
  [[nodiscard]] bool keeps(const LeaseText& lease) const {
    if (lease.empty()) return false;
    const auto at = std::lower_bound(owners_.begin(), owners_.end(),
                                     Owner{.container_id = lease.container_id, .ifname = lease.ifname});
    if (at == owners_.end() || at->container_id != lease.container_id) return false;
    // An old lease without interface name sorts in front of all interfaces of its container.
    return !lease.names_interface() || at->ifname == lease.ifname;
  }

 private:
  std::vector<Owner> owners_;
};

struct Stale {
  Freed lease;
  LeaseIdentity identity{};
};

FileTime changed_at(const LeaseIdentity& identity) {
  return FileTime(std::chrono::seconds(identity.changed_seconds) +
                  std::chrono::nanoseconds(identity.changed_nanoseconds));
}

struct Survey {
  std::vector<Stale> stale;               // to be removed, if they are still the same under the lock
  std::vector<std::string> kept_entries;  // index names of those that stay, sorted
  std::vector<Error> errors;
};

Survey survey(const LeaseDirectory& directory, const std::vector<IpAddress>& addresses, const Valid& valid) {
  Survey found;
  for (const IpAddress& address : addresses) {
    // First: what is put in its place in between then has another identity than the one that is noted.
    const auto identity = directory.identify(address);
    auto lease = directory.read(address);
    if (!identity || !lease) {
      found.errors.push_back(identity ? lease.error() : identity.error());
    } else if (*identity && *lease && !valid.keeps(**lease)) {
      found.stale.push_back({.lease = {.address = address, .owner = **lease}, .identity = **identity});
    } else if (*lease && (*lease)->names_interface()) {
      found.kept_entries.push_back(
          LeaseIndex::name_of({.container_id = (*lease)->container_id, .ifname = (*lease)->ifname}));
    }
  }
  std::sort(found.kept_entries.begin(), found.kept_entries.end());
  return found;
}

/// Whether a lease is what it was. A file that was empty may have got its owner without looking younger: the
/// kernel's clock for that advances by the tick.
Result<bool> is_unchanged(const LeaseDirectory& directory, const Stale& stale) {
  FAIRLEAD_TRY(const auto identity, directory.identify(stale.lease.address));
  FAIRLEAD_TRY(const auto text, directory.read(stale.lease.address));
  return identity == stale.identity && text == stale.lease.owner;
}

/// Removes the leases that nobody changed since they were surveyed. The lock must be held.
std::vector<Freed> remove_stale(const LeaseDirectory& directory, Survey& found) {
  std::vector<Freed> freed;
  for (const Stale& stale : found.stale) {
    const auto unchanged = is_unchanged(directory, stale);
    if (unchanged && !*unchanged) continue;
    auto removed =
        unchanged ? directory.remove(stale.lease.address) : Result<void>(Unexpected(unchanged.error()));
    if (removed) {
      freed.push_back(stale.lease);
    } else {
      found.errors.push_back(removed.error());
    }
  }
  return freed;
}

/// Whether a lease still stands that this index entry leads to.
bool entry_is_used(const LeaseDirectory& directory, const LeaseIndex& index, const std::string& name) {
  const auto addresses = index.find(name);
  return addresses && std::any_of(addresses->begin(), addresses->end(), [&](const IpAddress& address) {
           const auto lease = directory.read(address);
           return lease && *lease &&
                  LeaseIndex::name_of({.container_id = (*lease)->container_id, .ifname = (*lease)->ifname}) ==
                      name;
         });
}

Result<std::vector<Freed>> joined(std::vector<Freed> freed, std::vector<Error> errors) {
  if (errors.empty()) return freed;
  return Unexpected(join_errors(std::move(errors)));
}

/// Without a lease directory no entry leads anywhere.
Result<std::vector<Freed>> forget_all(const LeaseIndex& index) {
  std::vector<Error> errors;
  for (const std::string& name : index.names()) {
    if (auto removed = index.remove(name); !removed) errors.push_back(removed.error());
  }
  return joined({}, std::move(errors));
}

/// All leases of `owner`; old ones without interface name only if there is no other.
std::vector<IpAddress> scan_for(const LeaseDirectory& directory, const std::vector<IpAddress>& addresses,
                                const Owner& owner) {
  std::vector<IpAddress> exact;
  std::vector<IpAddress> old;
  for (const IpAddress& address : addresses) {
    const auto lease = directory.read(address);
    if (!lease || !*lease) continue;
    if ((*lease)->is_exactly(owner)) {
      exact.push_back(address);
    } else if ((*lease)->belongs_to(owner)) {
      old.push_back(address);
    }
  }
  return exact.empty() ? old : exact;
}

/// Removes those of `addresses` that are the owner's or an empty file, which only a process that was
/// killed under the lock leaves. Without the lock another process could free and reserve an address
/// between our look and our unlink.
Result<std::vector<IpAddress>> remove_owned(const LeaseDirectory& directory,
                                            const std::vector<IpAddress>& addresses, const Owner& owner) {
  std::vector<IpAddress> freed;
  if (addresses.empty()) return freed;
  FAIRLEAD_TRY(const DirectoryLock lock, directory.lock());
  std::vector<Error> errors;
  for (const IpAddress& address : addresses) {
    const auto lease = directory.read(address);
    if (lease && (!*lease || !((*lease)->empty() || (*lease)->belongs_to(owner)))) continue;
    const auto removed = lease ? directory.remove(address) : Result<void>(Unexpected(lease.error()));
    if (removed) {
      freed.push_back(address);
    } else {
      errors.push_back(removed.error());
    }
  }
  if (!errors.empty()) return Unexpected(join_errors(std::move(errors)));
  return freed;
}

}  // namespace

Result<std::vector<IpAddress>> LeaseStore::candidates(const LeaseDirectory& directory,
                                                      const Owner& owner) const {
  std::vector<IpAddress> known = index_.find(owner).value_or(std::vector<IpAddress>());
  const auto is_owners = [&](const IpAddress& address) {
    const auto lease = directory.read(address);
    return lease && *lease && (*lease)->is_exactly(owner);
  };
  if (!known.empty() && std::all_of(known.begin(), known.end(), is_owners)) return known;
  // No entry, the remains of a crash, or another program has freed and reserved since: the files decide.
  // What the entry names stays in the list for the empty files that a crash leaves.
  FAIRLEAD_TRY(const std::vector<IpAddress> addresses, directory.addresses());
  for (const IpAddress& address : scan_for(directory, addresses, owner)) {
    if (std::find(known.begin(), known.end(), address) == known.end()) known.push_back(address);
  }
  return known;
}

Result<std::vector<IpAddress>> LeaseStore::release(const Owner& owner) const {
  const std::string context = "release addresses of network " + network_;
  std::vector<IpAddress> freed;
  auto directory = LeaseDirectory::open(path_);
  if (directory) {
    auto removed = candidates(*directory, owner).and_then([&](const std::vector<IpAddress>& mine) {
      return remove_owned(*directory, mine, owner);
    });
    if (!removed) return Unexpected(std::move(removed).error().with_context(context));
    freed = *std::move(removed);
  } else if (directory.error().code != Errc::kNotFound) {
    return Unexpected(std::move(directory).error().with_context(context));
  }
  FAIRLEAD_CHECK(index_.remove(LeaseIndex::name_of(owner)));
  return freed;
}

Result<std::vector<IpAddress>> LeaseStore::leases_of(const Owner& owner) const {
  auto directory = LeaseDirectory::open(path_);
  if (!directory) {
    if (directory.error().code == Errc::kNotFound) return std::vector<IpAddress>();
    return Unexpected(std::move(directory).error());
  }
  FAIRLEAD_TRY(std::vector<IpAddress> mine, candidates(*directory, owner));
  std::erase_if(mine, [&](const IpAddress& address) {
    const auto lease = directory->read(address);
    return !lease || !*lease || !(*lease)->belongs_to(owner);
  });
  return mine;
}

Result<std::vector<Freed>> LeaseStore::collect(std::span<const Owner> valid, const AlsoValid& also_valid,
                                               std::optional<FileTime> judged_at) const {
  auto directory = LeaseDirectory::open(path_);
  if (!directory) {
    if (directory.error().code == Errc::kNotFound) return forget_all(index_);
    return Unexpected(std::move(directory).error().with_context("collect leases of network " + network_));
  }
  FAIRLEAD_TRY(const std::vector<IpAddress> addresses, directory->addresses());
  Survey found = survey(*directory, addresses, Valid(valid));
  if (judged_at) {
    std::erase_if(found.stale, [&](const Stale& stale) { return changed_at(stale.identity) >= *judged_at; });
  }
  if (also_valid && !found.stale.empty()) {
    FAIRLEAD_TRY(const std::vector<Owner> owners, also_valid());
    const Valid kept(owners);
    std::erase_if(found.stale, [&](const Stale& stale) { return kept.keeps(stale.lease.owner); });
  }
  std::vector<std::string> entries = index_.names();
  std::erase_if(entries, [&](const std::string& name) {
    return std::binary_search(found.kept_entries.begin(), found.kept_entries.end(), name);
  });
  if (found.stale.empty() && entries.empty()) return joined({}, std::move(found.errors));

  FAIRLEAD_TRY(const DirectoryLock lock, directory->lock());
  std::vector<Freed> freed = remove_stale(*directory, found);
  for (const std::string& name : entries) {
    if (entry_is_used(*directory, index_, name)) continue;
    if (auto removed = index_.remove(name); !removed) found.errors.push_back(removed.error());
  }
  return joined(std::move(freed), std::move(found.errors));
}

}  // namespace fairlead::ipam
