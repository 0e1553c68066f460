// Which addresses an attachment gets: the order in which a set's addresses are tried, and who asked for
// which one. Pure: what is taken comes in as a value.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ipam/pool.hpp"

namespace fairlead::ipam {

/// The round robin of one set: it begins after the address that was given out last and comes to that
/// one last, so a container that crashes in a loop sees an address again only after all the others.
/// Without a last address, or with one that is outside the set (the configuration changed), it begins
/// with the first address of the first range.
class PickOrder {
 public:
  PickOrder(const RangeSet& set, const std::optional<IpAddress>& last);

  /// Gateways have a position too, though they are never picked.
  [[nodiscard]] Uint128 size() const { return set_->size(); }
  /// `position` must be below size().
  [[nodiscard]] IpAddress at(Uint128 position) const;
  [[nodiscard]] std::optional<Uint128> position_of(const IpAddress& address) const;
  /// The first address that is neither a gateway nor in `taken`; nullopt if there is none.
  /// Costs time and one bit per taken address, however large the set is.
  [[nodiscard]] std::optional<IpAddress> first_free(std::span<const IpAddress> taken) const;

 private:
  const RangeSet* set_;
  Uint128 begin_ = 0;  // offset of position 0 in the set
};

/// Deals requested addresses to the sets of a pool: one entry per set, set where an address of that set
/// was asked for; an address that is listed twice counts once. kInvalid if an address is a gateway,
/// is in no set, or is the second one of a set.
[[nodiscard]] Result<std::vector<std::optional<IpAddress>>> assign_requests(
    const Pool& pool, std::span<const IpAddress> requested);

}  // namespace fairlead::ipam
