#include "nft/values.hpp"

#include <linux/netfilter.h>

#include <charconv>

namespace fairlead::nft {
namespace {

constexpr std::size_t kCommentMax = 127;  // NFTNL_UDATA_COMMENT_MAXLEN less the terminating zero
constexpr std::size_t kIfnameSize = 16;   // IFNAMSIZ
constexpr unsigned kTypeBits = 6;         // TYPE_BITS of nft's datatype.h

constexpr std::size_t pad4(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

}  // namespace

const char* to_string(Family family) {
  switch (family) {
    case Family::kInet:
      return "inet";
    case Family::kBridge:
      return "bridge";
    case Family::kIp:
      return "ip";
    case Family::kIp6:
      break;
  }
  return "ip6";
}

std::uint16_t protocol_of(Family family) {
  switch (family) {
    case Family::kInet:
      return NFPROTO_INET;
    case Family::kBridge:
      return NFPROTO_BRIDGE;
    case Family::kIp:
      return NFPROTO_IPV4;
    case Family::kIp6:
      break;
  }
  return NFPROTO_IPV6;
}

std::string stored_comment(std::string_view text) {
  std::string stored(text.substr(0, kCommentMax));
  for (char& c : stored) {
    if (c < ' ' || c > '~' || c == '"') c = '?';
  }
  return stored;
}

KeyBuilder& KeyBuilder::field(const std::uint8_t* data, std::size_t size) {
  bytes_.resize(pad4(bytes_.size()), 0);
  bytes_.insert(bytes_.end(), data, data + size);
  ++fields_;
  return *this;
}

Bytes KeyBuilder::take() {
  if (fields_ > 1) bytes_.resize(pad4(bytes_.size()), 0);
  fields_ = 0;
  return std::exchange(bytes_, {});
}

KeyBuilder& KeyBuilder::ifname(const LinkName& name) {
  std::uint8_t padded[kIfnameSize] = {};
  name.str().copy(reinterpret_cast<char*>(padded), kIfnameSize - 1);
  return field(padded, sizeof padded);
}

KeyBuilder& KeyBuilder::address(const IpAddress& address) {
  return field(address.bytes().data(), address.bytes().size());
}

KeyBuilder& KeyBuilder::u8(std::uint8_t value) { return field(&value, 1); }

KeyBuilder& KeyBuilder::be16(std::uint16_t value) {
  const std::uint8_t bytes[2] = {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  return field(bytes, sizeof bytes);
}

std::size_t size_of(FieldType type) {
  switch (type) {
    case FieldType::kIpv4Addr:
    case FieldType::kMark:
      return 4;
    case FieldType::kIpv6Addr:
    case FieldType::kIfname:
      return 16;
    case FieldType::kEtherAddr:
      return 6;
    case FieldType::kNfproto:
    case FieldType::kInetProto:
      return 1;
    case FieldType::kInetService:
      return 2;
  }
  return 0;
}

const char* name_of(FieldType type) {
  switch (type) {
    case FieldType::kNfproto:
      return "nf_proto";
    case FieldType::kIpv4Addr:
      return "ipv4_addr";
    case FieldType::kIpv6Addr:
      return "ipv6_addr";
    case FieldType::kEtherAddr:
      return "ether_addr";
    case FieldType::kInetProto:
      return "inet_proto";
    case FieldType::kInetService:
      return "inet_service";
    case FieldType::kMark:
      return "mark";
    case FieldType::kIfname:
      return "ifname";
  }
  return "";
}

std::size_t key_size(std::span<const FieldType> fields) {
  if (fields.size() == 1) return size_of(fields[0]);
  std::size_t size = 0;
  for (const FieldType field : fields) size += pad4(size_of(field));
  return size;
}

std::uint32_t packed_type(std::span<const FieldType> fields) {
  std::uint32_t packed = 0;
  for (const FieldType field : fields) packed = packed << kTypeBits | static_cast<std::uint32_t>(field);
  return packed;
}

FieldType type_of(const Load& load) {
  if (const auto* meta = std::get_if<MetaLoad>(&load)) {
    switch (meta->key) {
      case MetaKey::kIifname:
      case MetaKey::kOifname:
        return FieldType::kIfname;
      case MetaKey::kL4proto:
        return FieldType::kInetProto;
      case MetaKey::kNfproto:
        return FieldType::kNfproto;
      case MetaKey::kMark:
        return FieldType::kMark;
    }
  }
  switch (std::get<PayloadLoad>(load).field) {
    case PayloadField::kIpSaddr:
    case PayloadField::kIpDaddr:
      return FieldType::kIpv4Addr;
    case PayloadField::kIp6Saddr:
    case PayloadField::kIp6Daddr:
      return FieldType::kIpv6Addr;
    case PayloadField::kThSport:
    case PayloadField::kThDport:
      return FieldType::kInetService;
    case PayloadField::kEtherSaddr:
    case PayloadField::kEtherDaddr:
      break;
  }
  return FieldType::kEtherAddr;
}

std::string layout_comment(const std::string& table, std::uint32_t layout) {
  return table + " layout " + std::to_string(layout);
}

std::uint32_t layout_of(const std::string& table, std::string_view comment) {
  const std::string prefix = table + " layout ";
  if (!comment.starts_with(prefix)) return 0;
  comment.remove_prefix(prefix.size());
  std::uint32_t layout = 0;
  const auto [end, error] = std::from_chars(comment.data(), comment.data() + comment.size(), layout);
  return error == std::errc() && end == comment.data() + comment.size() ? layout : 0;
}

}  // namespace fairlead::nft
