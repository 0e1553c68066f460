// Masquerading: traffic that leaves an attachment's bridge gets the address of the link it leaves by.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "fairlead/ids.hpp"
#include "fairlead/ip_address.hpp"
#include "fairlead/nft.hpp"

namespace fairlead::firewall {

/// The elements for one attachment, two for each of its addresses. `bridge` is the link that the host
/// routes the container's packets from, `comment` says whose elements they are. They need inet_table().
[[nodiscard]] std::vector<nft::Element> masquerade_elements(const LinkName& bridge,
                                                            std::span<const IfaceAddress> addresses,
                                                            const std::string& comment);

}  // namespace fairlead::firewall
