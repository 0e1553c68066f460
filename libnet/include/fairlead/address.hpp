// Addresses of links: wanted (AddressSpec) and observed (AddressState).
#pragma once

#include <cstdint>

#include "fairlead/ids.hpp"
#include "fairlead/ip_address.hpp"

namespace fairlead {

/// An address to add. For IPv4 with a prefix below 31 the broadcast address is set too.
struct AddressSpec {
  IfaceAddress address;
  bool nodad = true;  ///< IFA_F_NODAD: an IPv6 address is usable at once (no effect on IPv4)
  bool operator==(const AddressSpec&) const = default;
};

struct AddressState {
  LinkIndex link;
  IfaceAddress address;
  std::uint8_t scope = 0;  ///< RT_SCOPE_*
  bool tentative = false;  ///< duplicate address detection is running
  bool dad_failed = false;
};

}  // namespace fairlead
