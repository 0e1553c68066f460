// Strong types for the numbers and names that identify network objects.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead {

/// A link's index in its namespace (ifindex), above zero when valid.
struct LinkIndex {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(const LinkIndex&, const LinkIndex&) = default;
};

/// A link's name: 1 to 15 bytes, not "." or "..", without '/', ':', '%', white space and control bytes
/// (dev_valid_name in net/core/dev.c, and the CNI specification's rule for CNI_IFNAME; a name with a
/// '%' is a template, for which the kernel picks a name of its own).
class LinkName {
 public:
  /// kInvalid with the reason.
  [[nodiscard]] static Result<LinkName> parse(std::string_view text);
  [[nodiscard]] const std::string& str() const { return text_; }
  friend auto operator<=>(const LinkName&, const LinkName&) = default;

 private:
  explicit LinkName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// A link's MTU in bytes: 68 (RFC 791) to 2^31-1; the kernel may allow less.
class Mtu {
 public:
  [[nodiscard]] static Result<Mtu> make(std::int64_t bytes);
  [[nodiscard]] std::uint32_t bytes() const { return bytes_; }
  friend constexpr auto operator<=>(const Mtu&, const Mtu&) = default;

 private:
  constexpr explicit Mtu(std::uint32_t bytes) : bytes_(bytes) {}
  std::uint32_t bytes_;
};

/// An IEEE 802.1Q VLAN id: 1 to 4094.
class VlanId {
 public:
  [[nodiscard]] static Result<VlanId> make(std::int64_t id);
  [[nodiscard]] std::uint16_t value() const { return id_; }
  friend constexpr auto operator<=>(const VlanId&, const VlanId&) = default;

 private:
  constexpr explicit VlanId(std::uint16_t id) : id_(id) {}
  std::uint16_t id_;
};

/// A VXLAN network identifier: 24 bits (RFC 7348).
class Vni {
 public:
  [[nodiscard]] static Result<Vni> make(std::int64_t id);
  [[nodiscard]] std::uint32_t value() const { return id_; }
  friend constexpr auto operator<=>(const Vni&, const Vni&) = default;

 private:
  constexpr explicit Vni(std::uint32_t id) : id_(id) {}
  std::uint32_t id_;
};

}  // namespace fairlead

template <>
struct std::hash<fairlead::LinkIndex> {
  std::size_t operator()(const fairlead::LinkIndex& index) const noexcept {
    return std::hash<std::uint32_t>{}(index.value);
  }
};
template <>
struct std::hash<fairlead::LinkName> {
  std::size_t operator()(const fairlead::LinkName& name) const noexcept {
    return std::hash<std::string>{}(name.str());
  }
};
template <>
struct std::hash<fairlead::Mtu> {
  std::size_t operator()(const fairlead::Mtu& mtu) const noexcept {
    return std::hash<std::uint32_t>{}(mtu.bytes());
  }
};
template <>
struct std::hash<fairlead::VlanId> {
  std::size_t operator()(const fairlead::VlanId& id) const noexcept {
    return std::hash<std::uint16_t>{}(id.value());
  }
};
template <>
struct std::hash<fairlead::Vni> {
  std::size_t operator()(const fairlead::Vni& vni) const noexcept {
    return std::hash<std::uint32_t>{}(vni.value());
  }
};
