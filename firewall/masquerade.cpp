#include "firewall/masquerade.hpp"

#include "firewall/tables.hpp"

namespace fairlead::firewall {

std::vector<nft::Element> masquerade_elements(const LinkName& bridge, std::span<const IfaceAddress> addresses,
                                              const std::string& comment) {
  std::vector<nft::Element> elements;
  elements.reserve(2 * addresses.size());
  for (const IfaceAddress& one : addresses) {
    const IpAddress& address = one.address();
    elements.push_back({.set = masquerade_set(address.family()),
                        .key = nft::KeyBuilder().ifname(bridge).address(address).take(),
                        .comment = comment});
    elements.push_back({.set = masquerade_exempt_set(address.family()),
                        .key = nft::KeyBuilder().address(address).ifname(bridge).take(),
                        .comment = comment});
  }
  return elements;
}

}  // namespace fairlead::firewall
