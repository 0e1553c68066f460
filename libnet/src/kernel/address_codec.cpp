#include "kernel/address_codec.hpp"

#include "nl/inet_attrs.hpp"

#include <sys/socket.h>

namespace fairlead::kernel {

namespace {

using nl::Address;
using nl::Encoder;

constexpr std::uint32_t kForEver = 0xffffffff;  // INFINITY_LIFE_TIME, net/addrconf.h

ifaddrmsg header_of(LinkIndex link, const IfaceAddress& address, const AddressAttributes& attributes) {
  ifaddrmsg header{};
  header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.prefix());
  // For IPv6 the kernel works the scope out itself (ipv6_addr_type).
  header.ifa_scope = address.is_v4() && address.address().is_loopback() ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  if (address.is_v4() && attributes.scope) header.ifa_scope = *attributes.scope;
  header.ifa_index = link.value;
  return header;
}

void put_address(Encoder<Address>& message, const IfaceAddress& address,
                 const AddressAttributes& attributes) {
  message.put(Address::local, address.address());
  message.put(Address::address, attributes.peer.value_or(address.address()));
}

void put_attributes(Encoder<Address>& message, const AddressSpec& spec) {
  const AddressAttributes& attributes = spec.attributes;
  const bool v4 = spec.address.is_v4();
  if (v4 && !attributes.label.empty()) message.put(Address::label, attributes.label);
  if (v4 && attributes.broadcast) {
    message.put(Address::broadcast, *attributes.broadcast);
  } else if (v4 && spec.address.prefix() < 31 && !attributes.peer) {
    message.put(Address::broadcast, spec.address.network().last());
  }
  if (attributes.lifetime) {
    const ifa_cacheinfo info{.ifa_prefered = attributes.lifetime->preferred,
                             .ifa_valid = attributes.lifetime->valid,
                             .cstamp = 0,
                             .tstamp = 0};
    message.put(Address::cacheinfo, std::as_bytes(std::span(&info, 1)));
  }
  const std::uint32_t flags =
      (spec.nodad ? IFA_F_NODAD : 0U) | (attributes.no_prefix_route ? IFA_F_NOPREFIXROUTE : 0U);
  if (flags != 0) message.put(Address::flags, flags);
}

std::optional<AddressLifetime> lifetime_in(nl::AttrReader<Address>& attrs) {
  const auto bytes = attrs.get(Address::cacheinfo);
  ifa_cacheinfo info{};
  if (!bytes || bytes->size() < sizeof(info)) return std::nullopt;
  std::memcpy(&info, bytes->data(), sizeof(info));
  if (info.ifa_valid == kForEver && info.ifa_prefered == kForEver) return std::nullopt;
  return AddressLifetime{.valid = info.ifa_valid, .preferred = info.ifa_prefered};
}

/// Reads what the address has beside itself; `own` is its IFA_LOCAL.
AddressAttributes attributes_in(nl::AttrReader<Address>& attrs, const IpAddress& own, std::uint8_t scope,
                                std::uint32_t flags) {
  AddressAttributes attributes{.scope = scope, .broadcast = attrs.get(Address::broadcast)};
  attributes.label = attrs.get(Address::label).value_or("");
  if (const auto far = attrs.get(Address::address); far && *far != own) attributes.peer = far;
  attributes.lifetime = lifetime_in(attrs);
  attributes.no_prefix_route = (flags & IFA_F_NOPREFIXROUTE) != 0;
  return attributes;
}

}  // namespace

Result<std::size_t> add_address(nl::Batch& batch, LinkIndex link, const AddressSpec& spec) {
  constexpr std::uint16_t kFlags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  return batch.add<Address>(RTM_NEWADDR, kFlags, header_of(link, spec.address, spec.attributes),
                            [&](Encoder<Address> message) {
                              put_address(message, spec.address, spec.attributes);
                              put_attributes(message, spec);
                            });
}

Result<std::size_t> remove_address(nl::Batch& batch, LinkIndex link, const IfaceAddress& address,
                                   const AddressAttributes& attributes) {
  return batch.add<Address>(RTM_DELADDR, NLM_F_ACK, header_of(link, address, attributes),
                            [&](Encoder<Address> message) { put_address(message, address, attributes); });
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
  if (!own) return Unexpected(nl::malformed_error("an address message without address"));
  AddressAttributes attributes = attributes_in(attrs, *own, body.header.ifa_scope, flags);
  FAIRLEAD_CHECK(attrs.finish());
  FAIRLEAD_TRY(const IfaceAddress address, IfaceAddress::make(*own, body.header.ifa_prefixlen));
  return std::optional(AddressState{.link = LinkIndex{body.header.ifa_index},
                                    .address = address,
                                    .attributes = std::move(attributes),
                                    .tentative = (flags & IFA_F_TENTATIVE) != 0,
                                    .dad_failed = (flags & IFA_F_DADFAILED) != 0});
}

}  // namespace fairlead::kernel
