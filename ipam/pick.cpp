#include "ipam/pick.hpp"

#include <algorithm>

namespace fairlead::ipam {

PickOrder::PickOrder(const RangeSet& set, const std::optional<IpAddress>& last) : set_(&set) {
  if (!last) return;
  const auto offset = set.offset_of(*last);
  if (offset && *offset + 1 < set.size()) begin_ = *offset + 1;
}

IpAddress PickOrder::at(Uint128 position) const {
  const Uint128 until_wrap = size() - begin_;
  return set_->at(position < until_wrap ? begin_ + position : position - until_wrap);
}

std::optional<Uint128> PickOrder::position_of(const IpAddress& address) const {
  const auto offset = set_->offset_of(address);
  if (!offset) return std::nullopt;
  return *offset >= begin_ ? *offset - begin_ : *offset + (size() - begin_);
}

std::optional<IpAddress> PickOrder::first_free(std::span<const IpAddress> taken) const {
  // n occupied positions leave one of the first n + 1 free, so no bit beyond those is needed: 60,000
  // leases in a /64 take 8 KB.
  const Uint128 occupied = Uint128{taken.size()} + set_->ranges().size();
  const auto window = static_cast<std::size_t>(std::min(size(), occupied + 1));
  std::vector<bool> busy(window);
  const auto mark = [&](const IpAddress& address) {
    const auto position = position_of(address);
    if (position && *position < window) busy[static_cast<std::size_t>(*position)] = true;
  };
  for (const IpAddress& address : taken) mark(address);
  for (const Range& range : set_->ranges())
    if (range.gateway()) mark(*range.gateway());
  const auto free = std::find(busy.begin(), busy.end(), false);
  if (free == busy.end()) return std::nullopt;
  return at(static_cast<Uint128>(free - busy.begin()));
}

Result<std::vector<std::optional<IpAddress>>> assign_requests(const Pool& pool,
                                                              std::span<const IpAddress> requested) {
  std::vector<std::optional<IpAddress>> of_set(pool.sets().size());
  std::string unused;
  for (const IpAddress& address : requested) {
    const auto set = std::find_if(pool.sets().begin(), pool.sets().end(),
                                  [&](const RangeSet& candidate) { return candidate.contains(address); });
    if (set == pool.sets().end()) {
      unused += " " + address.to_string();
      continue;
    }
    if (set->is_gateway(address)) {
      return Unexpected(Errc::kInvalid,
                        "requested IP address " + address.to_string() + " is the gateway of its subnet " +
                            set->range_of(address)->subnet().to_string(),
                        "request another address, or set the range's gateway to another one");
    }
    auto& slot = of_set[static_cast<std::size_t>(set - pool.sets().begin())];
    if (!slot) {
      slot = address;
    } else if (slot != address) {
      unused += " " + address.to_string();
    }
  }
  if (!unused.empty()) {
    return Unexpected(Errc::kInvalid, "failed to allocate all requested IPs:" + unused,
                      "a range set gives one address, and only of its own ranges");
  }
  return of_set;
}

}  // namespace fairlead::ipam
