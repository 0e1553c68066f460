// IPv4 and IPv6 addresses, networks, and addresses with a prefix length.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead {

enum class IpFamily : std::uint8_t { kV4, kV6 };

__extension__ using Uint128 = unsigned __int128;

/// An IPv4 or IPv6 address. IPv4 sorts before IPv6. No scope id.
class IpAddress {
 public:
  /// 0.0.0.0
  constexpr IpAddress() = default;
  [[nodiscard]] static constexpr IpAddress v4(std::array<std::uint8_t, 4> bytes) {
    IpAddress a;
    for (std::size_t i = 0; i < 4; ++i) a.bytes_[i] = bytes[i];
    return a;
  }
  [[nodiscard]] static constexpr IpAddress v6(std::array<std::uint8_t, 16> bytes) {
    IpAddress a;
    a.family_ = IpFamily::kV6;
    a.bytes_ = bytes;
    return a;
  }
  /// Exactly what inet_pton(3) accepts for either family. kInvalid otherwise.
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  /// From network-order bytes: 4 (IPv4) or 16 (IPv6). kInvalid for another length.
  [[nodiscard]] static Result<IpAddress> from_bytes(std::span<const std::uint8_t> bytes);
  /// The address with this value; `number` above the family's maximum is cut to its low bits.
  [[nodiscard]] static IpAddress from_number(IpFamily family, Uint128 number);
  /// 0.0.0.0 or ::
  [[nodiscard]] static IpAddress unspecified(IpFamily family);

  [[nodiscard]] IpFamily family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == IpFamily::kV4; }
  [[nodiscard]] bool is_v6() const { return family_ == IpFamily::kV6; }
  /// Network order; 4 or 16 bytes.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return std::span(bytes_).first(is_v4() ? 4 : 16);
  }
  /// 32 or 128.
  [[nodiscard]] unsigned bits() const { return is_v4() ? 32 : 128; }
  [[nodiscard]] Uint128 number() const;
  [[nodiscard]] bool is_unspecified() const { return number() == 0; }
  [[nodiscard]] bool is_multicast() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_link_local() const;
  /// One above; the highest address wraps to the lowest of its family.
  [[nodiscard]] IpAddress next() const;
  /// One below; the lowest address wraps to the highest of its family.
  [[nodiscard]] IpAddress previous() const;
  /// Text form of inet_ntop(3) (RFC 5952 for IPv6).
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  IpFamily family_ = IpFamily::kV4;
  std::array<std::uint8_t, 16> bytes_{};  // an IPv4 address uses the first four
};

class IpNetwork;

/// An interface address: an address and the length of the prefix it stands in (10.0.0.1/24).
class IfaceAddress {
 public:
  constexpr IfaceAddress() = default;
  /// kInvalid if `prefix` exceeds the family's bits.
  [[nodiscard]] static Result<IfaceAddress> make(IpAddress address, unsigned prefix);
  /// "ADDRESS/LENGTH". kInvalid otherwise.
  [[nodiscard]] static Result<IfaceAddress> parse(std::string_view text);

  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] unsigned prefix() const { return prefix_; }
  [[nodiscard]] IpFamily family() const { return address_.family(); }
  [[nodiscard]] bool is_v4() const { return address_.is_v4(); }
  [[nodiscard]] bool is_v6() const { return address_.is_v6(); }
  [[nodiscard]] IpNetwork network() const;
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const IfaceAddress&, const IfaceAddress&) = default;

 private:
  IpAddress address_;
  std::uint8_t prefix_ = 0;
};

/// A network: all host bits are zero.
class IpNetwork {
 public:
  /// 0.0.0.0/0
  constexpr IpNetwork() = default;
  /// Clears the host bits of `address`. kInvalid if `prefix` exceeds the family's bits.
  [[nodiscard]] static Result<IpNetwork> containing(IpAddress address, unsigned prefix);
  /// "ADDRESS/LENGTH" with zero host bits. kInvalid otherwise; a non-zero host bit names the network.
  [[nodiscard]] static Result<IpNetwork> parse(std::string_view text);
  /// 0.0.0.0/0 or ::/0
  [[nodiscard]] static IpNetwork any(IpFamily family);

  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] unsigned prefix() const { return prefix_; }
  [[nodiscard]] IpFamily family() const { return address_.family(); }
  [[nodiscard]] bool is_default() const { return prefix_ == 0; }
  [[nodiscard]] const IpAddress& first() const { return address_; }
  /// The highest address; for IPv4 with prefix < 31 this is the directed broadcast address.
  [[nodiscard]] IpAddress last() const;
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool overlaps(const IpNetwork& other) const;
  [[nodiscard]] std::string to_string() const;

  friend constexpr auto operator<=>(const IpNetwork&, const IpNetwork&) = default;

 private:
  IpAddress address_;
  std::uint8_t prefix_ = 0;
};

}  // namespace fairlead

template <>
struct std::hash<fairlead::IpAddress> {
  std::size_t operator()(const fairlead::IpAddress& a) const noexcept;
};
template <>
struct std::hash<fairlead::IfaceAddress> {
  std::size_t operator()(const fairlead::IfaceAddress& a) const noexcept;
};
template <>
struct std::hash<fairlead::IpNetwork> {
  std::size_t operator()(const fairlead::IpNetwork& n) const noexcept;
};
