// The addresses that a network's configuration offers: ranges, sets of ranges, and the pool of all sets.
// An attachment gets one address of every set. Pure values; nothing here touches a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fairlead/ip_address.hpp"

namespace fairlead::ipam {

/// One range as configured; what is unset follows from the subnet (Range::make).
struct RangeSpec {
  IpNetwork subnet;
  std::optional<IpAddress> start{};    ///< `rangeStart`
  std::optional<IpAddress> end{};      ///< `rangeEnd`
  std::optional<IpAddress> gateway{};  ///< `gateway`
};

/// Addresses `start` to `end`, both inclusive, of one subnet.
class Range {
 public:
  /// Defaults as the reference's host-local: the gateway is the first host address, the range runs from
  /// there to the last host address (the IPv4 broadcast address is left out, IPv6 has none).
  /// A /31 or /127 has no network and no broadcast address (RFC 3021, RFC 6164): both addresses are in
  /// the range, the second is the gateway. A /32 or /128 is its one address, without a gateway.
  /// kInvalid names the key: an address of another family or outside the subnet, end before start, or
  /// no address besides the gateway.
  [[nodiscard]] static Result<Range> make(const RangeSpec& spec);

  [[nodiscard]] const IpNetwork& subnet() const { return subnet_; }
  [[nodiscard]] const IpAddress& start() const { return start_; }
  [[nodiscard]] const IpAddress& end() const { return end_; }
  [[nodiscard]] const std::optional<IpAddress>& gateway() const { return gateway_; }
  [[nodiscard]] IpFamily family() const { return start_.family(); }
  [[nodiscard]] bool contains(const IpAddress& address) const { return start_ <= address && address <= end_; }
  [[nodiscard]] bool overlaps(const Range& other) const {
    return start_ <= other.end_ && other.start_ <= end_;
  }
  /// How many addresses, the gateway included. All 2^128 addresses count as one less.
  [[nodiscard]] Uint128 size() const;
  /// "10.0.0.1-10.0.0.6"
  [[nodiscard]] std::string to_string() const;

 private:
  Range() = default;
  IpNetwork subnet_;
  IpAddress start_;
  IpAddress end_;
  std::optional<IpAddress> gateway_;
};

/// Ranges of one family that do not overlap: an attachment gets one address out of all of them.
class RangeSet {
 public:
  [[nodiscard]] static Result<RangeSet> make(const std::vector<RangeSpec>& specs);

  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  [[nodiscard]] IpFamily family() const { return ranges_.front().family(); }
  /// The range that holds `address`, or nullptr.
  [[nodiscard]] const Range* range_of(const IpAddress& address) const;
  [[nodiscard]] bool contains(const IpAddress& address) const { return range_of(address) != nullptr; }
  /// Whether `address` is the gateway of any range of the set.
  [[nodiscard]] bool is_gateway(const IpAddress& address) const;

  /// How many addresses, gateways included; the ranges lie one after the other.
  [[nodiscard]] Uint128 size() const { return size_; }
  /// How many addresses can be given to containers: without the gateways.
  [[nodiscard]] Uint128 capacity() const { return size_ - gateways_inside_; }
  /// `offset` must be below size().
  [[nodiscard]] IpAddress at(Uint128 offset) const;
  [[nodiscard]] std::optional<Uint128> offset_of(const IpAddress& address) const;
  [[nodiscard]] bool overlaps(const RangeSet& other) const;
  /// "10.0.0.1-10.0.0.6,10.0.1.1-10.0.1.6"
  [[nodiscard]] std::string to_string() const;
  /// "10.0.0.0/29, 10.0.1.0/29"
  [[nodiscard]] std::string subnets() const;

 private:
  RangeSet() = default;
  std::vector<Range> ranges_;
  Uint128 size_ = 0;
  Uint128 gateways_inside_ = 0;
};

/// All sets of a network; none of them overlap.
class Pool {
 public:
  /// kInvalid names the set by its place (`range set 1`), as the lease directory does.
  [[nodiscard]] static Result<Pool> make(const std::vector<std::vector<RangeSpec>>& sets);
  [[nodiscard]] const std::vector<RangeSet>& sets() const { return sets_; }

 private:
  Pool() = default;
  std::vector<RangeSet> sets_;
};

/// A number that printf has no conversion for, in decimal.
[[nodiscard]] std::string to_string(Uint128 number);

}  // namespace fairlead::ipam
