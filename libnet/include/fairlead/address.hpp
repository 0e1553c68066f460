// Addresses of links: wanted (AddressSpec) and observed (AddressState).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "fairlead/ids.hpp"
#include "fairlead/ip_address.hpp"

namespace fairlead {

/// How long an address is valid and preferred, in seconds from now; 0xffffffff = for ever. An address that
/// DHCP or a router advertisement gave has an end, after which the kernel removes it.
struct AddressLifetime {
  std::uint32_t valid = 0;      ///< not 0
  std::uint32_t preferred = 0;  ///< at most `valid`
  bool operator==(const AddressLifetime&) const = default;
};

/// What an address is beside itself. Unset fields: the kernel's default.
struct AddressAttributes {
  std::optional<std::uint8_t> scope{};        ///< RT_SCOPE_*; IPv4 only, IPv6 works it out itself
  std::string label{};                        ///< IFA_LABEL, IPv4 only; empty: the link's name
  std::optional<IpAddress> peer{};            ///< the far end of a point-to-point address
  std::optional<IpAddress> broadcast{};       ///< IPv4 only
  std::optional<AddressLifetime> lifetime{};  ///< unset: for ever
  bool no_prefix_route = false;               ///< IFA_F_NOPREFIXROUTE: no connected route comes with it
  bool operator==(const AddressAttributes&) const = default;
};

/// An address to add. For IPv4 with a prefix below 31 the broadcast address is set too, to the last of the
/// network, unless `attributes` names one.
struct AddressSpec {
  IfaceAddress address;
  bool nodad = true;  ///< IFA_F_NODAD: an IPv6 address is usable at once (no effect on IPv4)
  AddressAttributes attributes{};
  bool operator==(const AddressSpec&) const = default;
};

/// An address as observed. `attributes` are complete enough to make it again: the scope is always set, the
/// lifetime is what is left of it.
struct AddressState {
  LinkIndex link;
  IfaceAddress address;
  AddressAttributes attributes{};
  bool tentative = false;  ///< duplicate address detection is running
  bool dad_failed = false;
};

}  // namespace fairlead
