#include "kernel/address_codec.hpp"

#include "nl/inet_attrs.hpp"

#include <sys/socket.h>

namespace fairlead::kernel {

namespace {

using nl::Address;
using nl::Encoder;

ifaddrmsg header_of(LinkIndex link, const IfaceAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix());
  // For IPv6 the kernel works the scope out itself (ipv6_addr_type).
  header.ifa_scope = address.is_v4() && address.address().is_loopback() ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  header.ifa_index = link.value;
  return header;
}

void put_address(Encoder<Address>& message, const IfaceAddress& address) {
  message.put(Address::local, address.address()).put(Address::address, address.address());
}

}  // namespace

Result<std::size_t> add_address(nl::Batch& batch, LinkIndex link, const AddressSpec& spec) {
  constexpr std::uint16_t kFlags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  const IfaceAddress& address = spec.address;
  return batch.add<Address>(RTM_NEWADDR, kFlags, header_of(link, address), [&](Encoder<Address> message) {
    put_address(message, address);
    if (address.is_v4() && address.prefix() < 31) message.put(Address::broadcast, address.network().last());
    if (spec.nodad) message.put(Address::flags, std::uint32_t{IFA_F_NODAD});
  });
}

Result<std::size_t> remove_address(nl::Batch& batch, LinkIndex link, const IfaceAddress& address) {
  return batch.add<Address>(RTM_DELADDR, NLM_F_ACK, header_of(link, address),
                            [&](Encoder<Address> message) { put_address(message, address); });
}

Result<std::size_t> add_list_addresses(nl::Batch& batch, LinkIndex link) {
  ifaddrmsg header{};
  header.ifa_family = AF_UNSPEC;
  header.ifa_index = link.value;
  return batch.add<Address>(RTM_GETADDR, NLM_F_DUMP, header, [](Encoder<Address>) {});
}

Result<std::optional<AddressState>> read_address(const nl::Message& message) {
  if (message.header.nlmsg_type != RTM_NEWADDR) return Unexpected(nl::malformed_error("not an address"));
  FAIRLEAD_TRY(const auto body, nl::split_body<ifaddrmsg>(message.payload));
  if (body.header.ifa_family != AF_INET && body.header.ifa_family != AF_INET6) {
    return std::optional<AddressState>();
  }
  nl::AttrReader<Address> attrs(body.attrs);
  // IFA_ADDRESS is the far end of a point-to-point address; IPv6 sends IFA_LOCAL only beside such a one.
  auto own = attrs.get(Address::local);
  if (!own) own = attrs.get(Address::address);
  const std::uint32_t flags = attrs.get(Address::flags).value_or(body.header.ifa_flags);
  FAIRLEAD_CHECK(attrs.finish());
  if (!own) return Unexpected(nl::malformed_error("an address message without address"));
  FAIRLEAD_TRY(const IfaceAddress address, IfaceAddress::make(*own, body.header.ifa_prefixlen));
  return std::optional(AddressState{.link = LinkIndex{body.header.ifa_index},
                                    .address = address,
                                    .scope = body.header.ifa_scope,
                                    .tentative = (flags & IFA_F_TENTATIVE) != 0,
                                    .dad_failed = (flags & IFA_F_DADFAILED) != 0});
}

}  // namespace fairlead::kernel
