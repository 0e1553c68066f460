#include "ipam/pool.hpp"

#include <algorithm>

namespace fairlead::ipam {
namespace {

/// kInvalid unless `address`, the value of `key`, is an address of the subnet.
Result<void> check_in_subnet(const char* key, const IpAddress& address, const IpNetwork& subnet) {
  const std::string what = std::string(key) + " " + address.to_string();
  if (address.family() != subnet.family()) {
    return Unexpected(Errc::kInvalid, what + " is not of the same family as subnet " + subnet.to_string(),
                      "put it beside a subnet of its own family");
  }
  if (!subnet.contains(address)) {
    return Unexpected(
        Errc::kInvalid, what + " not in network " + subnet.to_string(),
        "give an address from " + subnet.first().to_string() + " to " + subnet.last().to_string());
  }
  return {};
}

struct Defaults {
  IpAddress start;
  IpAddress end;
  std::optional<IpAddress> gateway;
};

Defaults defaults_of(const IpNetwork& subnet) {
  const IpAddress first = subnet.first();
  const unsigned host_bits = first.bits() - subnet.prefix();
  if (host_bits == 0) return {first, first, std::nullopt};
  if (host_bits == 1) return {first, subnet.last(), subnet.last()};
  const IpAddress end = first.is_v4() ? subnet.last().previous() : subnet.last();
  return {first.next(), end, first.next()};
}

}  // namespace

Result<Range> Range::make(const RangeSpec& spec) {
  const Defaults defaults = defaults_of(spec.subnet);
  if (spec.start) FAIRLEAD_CHECK(check_in_subnet("rangeStart", *spec.start, spec.subnet));
  if (spec.end) FAIRLEAD_CHECK(check_in_subnet("rangeEnd", *spec.end, spec.subnet));
  if (spec.gateway) FAIRLEAD_CHECK(check_in_subnet("gateway", *spec.gateway, spec.subnet));

  Range range;
  range.subnet_ = spec.subnet;
  range.start_ = spec.start.value_or(defaults.start);
  range.end_ = spec.end.value_or(defaults.end);
  range.gateway_ = spec.gateway ? spec.gateway : defaults.gateway;
  if (range.end_ < range.start_) {
    return Unexpected(Errc::kInvalid,
                      "rangeEnd " + range.end_.to_string() + " is before rangeStart " +
                          range.start_.to_string() + " in subnet " + spec.subnet.to_string(),
                      "swap the two");
  }
  if (range.gateway_ == range.start_ && range.start_ == range.end_) {
    return Unexpected(Errc::kInvalid,
                      "range " + range.to_string() + " of subnet " + spec.subnet.to_string() +
                          " has no address besides the gateway",
                      "widen the range, or set its gateway to another address");
  }
  return range;
}

Uint128 Range::size() const {
  const Uint128 size = end_.number() - start_.number() + 1;
  return size == 0 ? ~Uint128{0} : size;
}

std::string Range::to_string() const { return start_.to_string() + "-" + end_.to_string(); }

Result<RangeSet> RangeSet::make(const std::vector<RangeSpec>& specs) {
  if (specs.empty())
    return Unexpected(Errc::kInvalid, "the set holds no range", "give it a subnet, or leave the set out");
  RangeSet set;
  for (const RangeSpec& spec : specs) {
    FAIRLEAD_TRY(Range range, Range::make(spec));
    if (!set.ranges_.empty() && set.family() != range.family()) {
      return Unexpected(Errc::kInvalid,
                        "mixed address families: " + set.ranges_.front().subnet().to_string() + " and " +
                            range.subnet().to_string(),
                        "put IPv4 and IPv6 ranges into sets of their own");
    }
    for (const Range& other : set.ranges_) {
      if (range.overlaps(other)) {
        return Unexpected(Errc::kInvalid,
                          "range " + range.to_string() + " overlaps with " + other.to_string(),
                          "narrow one of them with rangeStart and rangeEnd");
      }
    }
    set.ranges_.push_back(range);
  }
  std::vector<IpAddress> gateways;
  for (const Range& range : set.ranges_) {
    set.size_ += range.size();
    if (range.gateway() && set.contains(*range.gateway())) gateways.push_back(*range.gateway());
  }
  std::sort(gateways.begin(), gateways.end());
  gateways.erase(std::unique(gateways.begin(), gateways.end()), gateways.end());
  set.gateways_inside_ = gateways.size();
  return set;
}

const Range* RangeSet::range_of(const IpAddress& address) const {
  for (const Range& range : ranges_)
    if (range.contains(address)) return &range;
  return nullptr;
}

bool RangeSet::is_gateway(const IpAddress& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return range.gateway() == address; });
}

IpAddress RangeSet::at(Uint128 offset) const {
  auto range = ranges_.begin();
  while (std::next(range) != ranges_.end() && offset >= range->size()) {
    offset -= range->size();
    ++range;
  }
  return IpAddress::from_number(range->family(), range->start().number() + offset);
}

std::optional<Uint128> RangeSet::offset_of(const IpAddress& address) const {
  Uint128 before = 0;
  for (const Range& range : ranges_) {
    if (range.contains(address)) return before + (address.number() - range.start().number());
    before += range.size();
  }
  return std::nullopt;
}

bool RangeSet::overlaps(const RangeSet& other) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& mine) {
    return std::any_of(other.ranges_.begin(), other.ranges_.end(),
                       [&](const Range& theirs) { return mine.overlaps(theirs); });
  });
}

std::string RangeSet::to_string() const {
  std::string text;
  for (const Range& range : ranges_) text += (text.empty() ? "" : ",") + range.to_string();
  return text;
}

std::string RangeSet::subnets() const {
  std::string text;
  for (const Range& range : ranges_) text += (text.empty() ? "" : ", ") + range.subnet().to_string();
  return text;
}

Result<Pool> Pool::make(const std::vector<std::vector<RangeSpec>>& sets) {
  if (sets.empty())
    return Unexpected(Errc::kInvalid, "no IP ranges specified", "set ipam.ranges or ipam.subnet");
  Pool pool;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    auto set = RangeSet::make(sets[i]);
    if (!set)
      return Unexpected(std::move(set).error().with_context("invalid range set " + std::to_string(i)));
    for (std::size_t j = 0; j < pool.sets_.size(); ++j) {
      if (set->overlaps(pool.sets_[j])) {
        return Unexpected(Errc::kInvalid,
                          "range set " + std::to_string(j) + " overlaps with " + std::to_string(i) + ": " +
                              pool.sets_[j].to_string() + " and " + set->to_string(),
                          "narrow one of them with rangeStart and rangeEnd");
      }
    }
    pool.sets_.push_back(*std::move(set));
  }
  return pool;
}

std::string to_string(Uint128 number) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(number % 10)));
    number /= 10;
  } while (number != 0);
  return digits;
}

}  // namespace fairlead::ipam
