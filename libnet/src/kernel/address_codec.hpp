// RTM_*ADDR: addresses of links.
#pragma once

#include "fairlead/address.hpp"
#include "nl/encoder.hpp"
#include "nl/reader.hpp"

namespace fairlead::kernel {

[[nodiscard]] Result<std::size_t> add_address(nl::Batch& batch, LinkIndex link, const AddressSpec& spec);
/// Of `attributes` only the far end of a point-to-point address matters.
[[nodiscard]] Result<std::size_t> remove_address(nl::Batch& batch, LinkIndex link,
                                                 const IfaceAddress& address,
                                                 const AddressAttributes& attributes);
/// Asks for the addresses of one link, of both families; the kernel filters (NETLINK_GET_STRICT_CHK).
[[nodiscard]] Result<std::size_t> add_list_addresses(nl::Batch& batch, LinkIndex link);

/// Reads an RTM_NEWADDR; nothing for a family that is neither IPv4 nor IPv6.
[[nodiscard]] Result<std::optional<AddressState>> read_address(const nl::Message& message);

}  // namespace fairlead::kernel
