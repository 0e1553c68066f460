// Ethernet addresses.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead {

/// A 48-bit Ethernet address (IEEE 802).
class MacAddress {
 public:
  static constexpr std::size_t kSize = 6;

  constexpr MacAddress() = default;
  constexpr explicit MacAddress(std::array<std::uint8_t, kSize> bytes) : bytes_(bytes) {}

  /// Six hexadecimal octets of one or two digits, separated by colons or by dashes. kInvalid otherwise.
  [[nodiscard]] static Result<MacAddress> parse(std::string_view text);
  /// A locally administered unicast address made of the first six bytes of `seed` (at least six).
  [[nodiscard]] static MacAddress local_from(std::span<const std::uint8_t> seed);

  [[nodiscard]] const std::array<std::uint8_t, kSize>& bytes() const { return bytes_; }
  [[nodiscard]] bool is_multicast() const { return (bytes_[0] & 1U) != 0; }
  [[nodiscard]] bool is_zero() const { return bytes_ == std::array<std::uint8_t, kSize>{}; }
  /// Lower-case, colon-separated.
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

 private:
  std::array<std::uint8_t, kSize> bytes_{};
};

}  // namespace fairlead

template <>
struct std::hash<fairlead::MacAddress> {
  std::size_t operator()(const fairlead::MacAddress& mac) const noexcept {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : mac.bytes()) value = value << 8U | byte;
    return std::hash<std::uint64_t>{}(value * 0x9e3779b97f4a7c15U);
  }
};
