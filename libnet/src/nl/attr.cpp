#include "nl/attr.hpp"

#include <linux/netlink.h>

namespace fairlead::nl {

const AttrInfo* AttrTable::find(std::uint16_t type, std::string_view kind) const {
  for (const AttrInfo& info : attrs) {
    if (info.type == type && (info.kind == nullptr || info.kind == kind)) return &info;
  }
  return nullptr;
}

std::optional<RawAttr> AttrWalk::next() {
  const ByteView rest = bytes_.subspan(at_);
  if (rest.empty()) return std::nullopt;
  nlattr header{};
  if (rest.size() < sizeof(header)) {
    malformed_ = true;
    return std::nullopt;
  }
  std::memcpy(&header, rest.data(), sizeof(header));
  if (header.nla_len < sizeof(header) || header.nla_len > rest.size()) {
    malformed_ = true;
    return std::nullopt;
  }
  const RawAttr attr{.type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                     .offset = at_,
                     .payload = rest.subspan(sizeof(header), header.nla_len - sizeof(header))};
  // The last attribute of a message may lack its padding.
  at_ += std::min<std::size_t>(NLA_ALIGN(header.nla_len), rest.size());
  return attr;
}

std::string_view kind_among(const AttrTable& table, ByteView attrs) {
  if (table.kind_type == 0) return {};
  AttrWalk walk(attrs);
  while (const auto attr = walk.next()) {
    if (attr->type == table.kind_type) return *Wire<Text>::read(attr->payload);
  }
  return {};
}

}  // namespace fairlead::nl
