#include "fairlead/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>

#include "base/quote.hpp"

namespace fairlead {
namespace {

constexpr Uint128 kAllOnes = ~Uint128{0};

Uint128 family_max(IpFamily family) {
  return family == IpFamily::kV4 ? Uint128{std::numeric_limits<std::uint32_t>::max()} : kAllOnes;
}

// The host bits of a prefix, as a number (a shift by the full width would be undefined).
Uint128 host_mask(IpFamily family, unsigned prefix) {
  if (prefix >= IpAddress::unspecified(family).bits()) return 0;
  return family_max(family) >> prefix;
}

Unexpected prefix_too_long(const IpAddress& address, unsigned prefix) {
  return {Errc::kInvalid, "prefix length " + std::to_string(prefix) + " of " + address.to_string() +
                              " exceeds " + std::to_string(address.bits())};
}

struct AddressAndPrefix {
  IpAddress address;
  unsigned prefix;
};

Result<unsigned> parse_prefix(std::string_view text, std::string_view whole) {
  const auto invalid = [&](const char* why) {
    return Unexpected(Errc::kInvalid, quoted(whole) + ": the prefix length " + why);
  };
  if (text.empty()) return invalid("is missing");
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return invalid("is not a number");
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 128) return invalid("exceeds 128");
  }
  if (text.size() > 1 && text.front() == '0') return invalid("has a leading zero");
  return value;
}

Result<AddressAndPrefix> split(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Unexpected(Errc::kInvalid, quoted(text) + " has no prefix length: want ADDRESS/LENGTH");
  }
  FAIRLEAD_TRY(IpAddress address, IpAddress::parse(text.substr(0, slash)));
  FAIRLEAD_TRY(unsigned prefix, parse_prefix(text.substr(slash + 1), text));
  if (prefix > address.bits()) return prefix_too_long(address, prefix);
  return AddressAndPrefix{address, prefix};
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton wants a NUL at the end. No text of 46 bytes or more is an address, and one with a NUL
  // inside must not be taken for its beginning.
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (text.size() < buffer.size() && text.find('\0') == std::string_view::npos) {
    std::copy(text.begin(), text.end(), buffer.begin());
    std::array<std::uint8_t, 4> four{};
    if (inet_pton(AF_INET, buffer.data(), four.data()) == 1) return v4(four);
    std::array<std::uint8_t, 16> sixteen{};
    if (inet_pton(AF_INET6, buffer.data(), sixteen.data()) == 1) return v6(sixteen);
  }
  return Unexpected(Errc::kInvalid, quoted(text) + " is not an IP address");
}

Result<IpAddress> IpAddress::from_bytes(std::span<const std::uint8_t> bytes) {
  IpAddress address;
  if (bytes.size() == 16) {
    address.family_ = IpFamily::kV6;
  } else if (bytes.size() != 4) {
    return Unexpected(Errc::kInvalid, "an IP address has 4 or 16 bytes, not " + std::to_string(bytes.size()));
  }
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::from_number(IpFamily family, Uint128 number) {
  IpAddress address;
  address.family_ = family;
  for (std::size_t i = address.bits() / 8; i-- > 0; number >>= 8U) {
    address.bytes_[i] = static_cast<std::uint8_t>(number & 0xffU);
  }
  return address;
}

IpAddress IpAddress::unspecified(IpFamily family) { return from_number(family, 0); }

Uint128 IpAddress::number() const {
  Uint128 value = 0;
  for (const std::uint8_t byte : bytes()) value = value << 8U | byte;
  return value;
}

bool IpAddress::is_multicast() const { return is_v4() ? (bytes_[0] & 0xf0U) == 0xe0U : bytes_[0] == 0xff; }

bool IpAddress::is_loopback() const { return is_v4() ? bytes_[0] == 127 : number() == 1; }

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0U) == 0x80U;
}

IpAddress IpAddress::next() const { return from_number(family_, number() + 1); }

IpAddress IpAddress::previous() const { return from_number(family_, number() - 1); }

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  // Cannot fail: the family is one of the two and the buffer has room for both.
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

Result<IfaceAddress> IfaceAddress::make(IpAddress address, unsigned prefix) {
  if (prefix > address.bits()) return prefix_too_long(address, prefix);
  IfaceAddress made;
  made.address_ = address;
  made.prefix_ = static_cast<std::uint8_t>(prefix);
  return made;
}

Result<IfaceAddress> IfaceAddress::parse(std::string_view text) {
  FAIRLEAD_TRY(AddressAndPrefix parts, split(text));
  return make(parts.address, parts.prefix);
}

IpNetwork IfaceAddress::network() const { return *IpNetwork::containing(address_, prefix_); }

std::string IfaceAddress::to_string() const { return address_.to_string() + "/" + std::to_string(prefix_); }

Result<IpNetwork> IpNetwork::containing(IpAddress address, unsigned prefix) {
  if (prefix > address.bits()) return prefix_too_long(address, prefix);
  IpNetwork network;
  network.address_ =
      IpAddress::from_number(address.family(), address.number() & ~host_mask(address.family(), prefix));
  network.prefix_ = static_cast<std::uint8_t>(prefix);
  return network;
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  FAIRLEAD_TRY(AddressAndPrefix parts, split(text));
  FAIRLEAD_TRY(IpNetwork network, containing(parts.address, parts.prefix));
  if (network.address_ != parts.address) {
    return Unexpected(Errc::kInvalid,
                      quoted(text) + " has host bits set: the network is " + network.to_string());
  }
  return network;
}

IpNetwork IpNetwork::any(IpFamily family) {
  IpNetwork network;
  network.address_ = IpAddress::unspecified(family);
  return network;
}

IpAddress IpNetwork::last() const {
  return IpAddress::from_number(family(), address_.number() | host_mask(family(), prefix_));
}

bool IpNetwork::contains(const IpAddress& address) const {
  return address.family() == family() &&
         (address.number() & ~host_mask(family(), prefix_)) == address_.number();
}

bool IpNetwork::overlaps(const IpNetwork& other) const {
  return prefix_ <= other.prefix_ ? contains(other.address_) : other.contains(address_);
}

std::string IpNetwork::to_string() const { return address_.to_string() + "/" + std::to_string(prefix_); }

}  // namespace fairlead

namespace {

std::size_t mix(fairlead::Uint128 number, std::size_t salt) {
  // The finalizer of splitmix64 over both halves: addresses of one network differ in few low bits.
  auto x = static_cast<std::uint64_t>(number >> 64U) * 0x9e3779b97f4a7c15U ^
           static_cast<std::uint64_t>(number) ^ static_cast<std::uint64_t>(salt) << 56U;
  x = (x ^ x >> 30U) * 0xbf58476d1ce4e5b9U;
  x = (x ^ x >> 27U) * 0x94d049bb133111ebU;
  return static_cast<std::size_t>(x ^ x >> 31U);
}

}  // namespace

std::size_t std::hash<fairlead::IpAddress>::operator()(const fairlead::IpAddress& a) const noexcept {
  return mix(a.number(), a.bits());
}

std::size_t std::hash<fairlead::IfaceAddress>::operator()(const fairlead::IfaceAddress& a) const noexcept {
  return mix(a.address().number(), a.address().bits() + a.prefix());
}

std::size_t std::hash<fairlead::IpNetwork>::operator()(const fairlead::IpNetwork& n) const noexcept {
  return mix(n.address().number(), n.address().bits() + n.prefix());
}
