#include "nl/format.hpp"

#include <linux/rtnetlink.h>

#include <cstdio>

#include "base/quote.hpp"
#include "fairlead/error.hpp"
#include "nl/ext_ack.hpp"
#include "nl/inet_attrs.hpp"
#include "nl/link_attrs.hpp"
#include "nl/reader.hpp"

namespace fairlead::nl {

namespace {

const char* name_of_type(std::uint16_t type) {
  switch (type) {
    case NLMSG_NOOP:
      return "NLMSG_NOOP";
    case NLMSG_ERROR:
      return "NLMSG_ERROR";
    case NLMSG_DONE:
      return "NLMSG_DONE";
    case NLMSG_OVERRUN:
      return "NLMSG_OVERRUN";
    case RTM_NEWLINK:
      return "RTM_NEWLINK";
    case RTM_DELLINK:
      return "RTM_DELLINK";
    case RTM_GETLINK:
      return "RTM_GETLINK";
    case RTM_SETLINK:
      return "RTM_SETLINK";
    case RTM_NEWADDR:
      return "RTM_NEWADDR";
    case RTM_DELADDR:
      return "RTM_DELADDR";
    case RTM_GETADDR:
      return "RTM_GETADDR";
    case RTM_NEWROUTE:
      return "RTM_NEWROUTE";
    case RTM_DELROUTE:
      return "RTM_DELROUTE";
    case RTM_GETROUTE:
      return "RTM_GETROUTE";
    default:
      return nullptr;
  }
}

/// The attributes of a message and where they start; empty for a message of no known format.
struct AttrArea {
  const AttrTable* table = nullptr;
  ByteView bytes;
  std::size_t offset = 0;
};
AttrArea attrs_of(ByteView message) {
  nlmsghdr header{};
  if (message.size() < sizeof(header)) return {};
  std::memcpy(&header, message.data(), sizeof(header));
  const auto format = rtnetlink_format(header.nlmsg_type);
  if (!format) return {};
  const std::size_t start = sizeof(header) + NLMSG_ALIGN(format->header);
  if (start > message.size()) return {};
  return {.table = format->table, .bytes = message.subspan(start), .offset = start};
}

std::string name_of(const AttrInfo* info, std::uint16_t type) {
  return info != nullptr ? info->name : "attribute " + std::to_string(type);
}

/// A chain of attributes from the outermost one inwards.
struct Found {
  std::string path;
  const AttrTable* inner = nullptr;  ///< the table of the last one's contents, if it is a nest
};

/// The contents of a nest, or an area without a table.
AttrArea inside(const AttrInfo* info, const RawAttr& attr, std::size_t area_offset) {
  if (info == nullptr || info->inner == nullptr) return {};
  const std::size_t skipped = std::min<std::size_t>(NLA_ALIGN(info->inner_header), attr.payload.size());
  return {.table = &info->inner(),
          .bytes = attr.payload.subspan(skipped),
          .offset = area_offset + attr.offset + sizeof(nlattr) + skipped};
}

Found find_at(AttrArea area, std::size_t offset) {
  Found found;
  while (area.table != nullptr) {
    const std::string_view kind = kind_among(*area.table, area.bytes);
    AttrArea next;
    AttrWalk walk(area.bytes);
    while (const auto attr = walk.next()) {
      const std::size_t begin = area.offset + attr->offset;
      if (offset < begin || offset >= begin + sizeof(nlattr) + attr->payload.size()) continue;
      const AttrInfo* info = area.table->find(attr->type, kind);
      found.path += (found.path.empty() ? "" : ".") + name_of(info, attr->type);
      next = inside(info, *attr, area.offset);
      found.inner = next.table;
      if (begin == offset) return found;
    }
    area = next;
  }
  return found;
}

void print_value(std::string& out, const AttrInfo* info, ByteView bytes) {
  const AttrKind form = info != nullptr ? info->form : AttrKind::kOctets;
  if (form == AttrKind::kText) {
    out += quoted(*Wire<Text>::read(bytes));  // the alias of a container's link is the container's
    return;
  }
  if (form == AttrKind::kAddress) {
    if (const auto address = Wire<IpAddress>::read(bytes)) {
      out += address->to_string();
      return;
    }
  }
  if (form == AttrKind::kNumber || form == AttrKind::kSigned) {
    if (const auto u8 = Wire<std::uint8_t>::read(bytes); bytes.size() == 1) out += std::to_string(*u8);
    if (const auto u16 = Wire<std::uint16_t>::read(bytes); bytes.size() == 2) out += std::to_string(*u16);
    if (const auto s32 = Wire<std::int32_t>::read(bytes); bytes.size() == 4) {
      out +=
          form == AttrKind::kSigned ? std::to_string(*s32) : std::to_string(static_cast<std::uint32_t>(*s32));
    }
    if (bytes.size() <= 4) return;
  }
  constexpr std::size_t kShown = 32;
  for (const std::byte byte : bytes.first(std::min(bytes.size(), kShown))) {
    char hex[3];
    (void)std::snprintf(hex, sizeof(hex), "%02x", std::to_integer<unsigned>(byte));
    out += hex;
  }
  if (bytes.size() > kShown) out += "...";
}

bool well_formed(ByteView attrs) {
  AttrWalk walk(attrs);
  while (walk.next()) {
  }
  return !walk.malformed();
}

void print_attrs(std::string& out, const AttrTable& table, ByteView attrs) {
  const std::string_view kind = kind_among(table, attrs);
  AttrWalk walk(attrs);
  while (const auto attr = walk.next()) {
    const AttrInfo* info = table.find(attr->type, kind);
    if (!out.empty() && out.back() != '{') out += ' ';
    out += name_of(info, attr->type);
    // Some nests of requests are plain arrays in replies (IFLA_INET_CONF): those print as bytes.
    if (const AttrArea inner = inside(info, *attr, 0); inner.table != nullptr && well_formed(inner.bytes)) {
      out += '{';
      print_attrs(out, *inner.table, inner.bytes);
      out += '}';
    } else {
      out += '=';
      print_value(out, info, attr->payload);
    }
  }
  if (walk.malformed()) out += " (malformed)";
}

}  // namespace

std::optional<MessageFormat> rtnetlink_format(std::uint16_t type) {
  const char* name = name_of_type(type);
  if (name == nullptr || type < RTM_BASE) return std::nullopt;
  if (type <= RTM_SETLINK) return MessageFormat{name, sizeof(ifinfomsg), &Link::table()};
  if (type <= RTM_GETADDR) return MessageFormat{name, sizeof(ifaddrmsg), &Address::table()};
  return MessageFormat{name, sizeof(rtmsg), &Route::table()};
}

std::string attribute_path(ByteView message, std::size_t offset) {
  return find_at(attrs_of(message), offset).path;
}

std::string missing_attribute_path(ByteView message, std::optional<std::size_t> nest_offset,
                                   std::uint16_t missing) {
  const AttrArea area = attrs_of(message);
  if (area.table == nullptr) return {};
  Found nest{.path = {}, .inner = area.table};
  if (nest_offset) nest = find_at(area, *nest_offset);
  const AttrInfo* info = nest.inner != nullptr ? nest.inner->find(missing, {}) : nullptr;
  return (nest.path.empty() ? "" : nest.path + ".") + name_of(info, missing);
}

std::string format_message(ByteView message) {
  nlmsghdr header{};
  if (message.size() < sizeof(header)) return "(cut off)";
  std::memcpy(&header, message.data(), sizeof(header));
  const char* name = name_of_type(header.nlmsg_type);
  std::string out = name != nullptr ? name : "message " + std::to_string(header.nlmsg_type);
  char numbers[48];
  (void)std::snprintf(numbers, sizeof(numbers), " seq %u flags 0x%x", header.nlmsg_seq, header.nlmsg_flags);
  out += numbers;
  if (header.nlmsg_type == NLMSG_ERROR) {
    const auto error = Wire<std::int32_t>::read(message.subspan(sizeof(header)));
    if (!error) return out + " (cut off)";
    if (!is_verdict(*error)) return out + " error number " + std::to_string(*error);
    return out + " " + (*error == 0 ? std::string("ok") : errno_name(-*error));
  }
  if (const AttrArea area = attrs_of(message); area.table != nullptr) {
    print_attrs(out, *area.table, area.bytes);
  }
  return out;
}

}  // namespace fairlead::nl
