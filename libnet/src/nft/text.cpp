// A table as `nft list table` of nft 1.0.6 prints it: golden files, dry runs and `fairlead show`.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>

#include "fairlead/mac_address.hpp"
#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

const char* text_of(Hook hook) {
  switch (hook) {
    case Hook::kPrerouting:
      return "prerouting";
    case Hook::kInput:
      return "input";
    case Hook::kForward:
      return "forward";
    case Hook::kOutput:
      return "output";
    case Hook::kPostrouting:
      break;
  }
  return "postrouting";
}

struct NamedPriority {
  const char* name;
  std::int32_t value;
  std::optional<Hook> only;
};

/// nft names a priority that lies within 10 of a standard one (prio2str in nft's rule.c).
std::string text_of_priority(Family family, const ChainSpec& chain) {
  static constexpr std::array<NamedPriority, 6> kInetNames{{{"raw", -300, {}},
                                                            {"mangle", -150, {}},
                                                            {"dstnat", -100, Hook::kPrerouting},
                                                            {"filter", 0, {}},
                                                            {"security", 50, {}},
                                                            {"srcnat", 100, Hook::kPostrouting}}};
  static constexpr std::array<NamedPriority, 4> kBridgeNames{{{"dstnat", -300, Hook::kPrerouting},
                                                              {"filter", -200, {}},
                                                              {"out", 100, Hook::kOutput},
                                                              {"srcnat", 300, Hook::kPostrouting}}};
  const auto names = family == Family::kBridge ? std::span<const NamedPriority>(kBridgeNames)
                                               : std::span<const NamedPriority>(kInetNames);
  for (const NamedPriority& name : names) {
    const std::int64_t offset = std::int64_t{chain.priority} - name.value;
    if (offset < -10 || offset > 10 || (name.only && *name.only != chain.hook)) continue;
    if (offset == 0) return name.name;
    return std::string(name.name) + (offset > 0 ? " + " : " - ") +
           std::to_string(offset > 0 ? offset : -offset);
  }
  return std::to_string(chain.priority);
}

std::string text_of(const Load& load) {
  if (const auto* meta = std::get_if<MetaLoad>(&load)) {
    switch (meta->key) {
      case MetaKey::kIifname:
        return "iifname";
      case MetaKey::kOifname:
        return "oifname";
      case MetaKey::kL4proto:
        return "meta l4proto";
      case MetaKey::kNfproto:
        return "meta nfproto";
      case MetaKey::kMark:
        return "meta mark";
    }
  }
  switch (std::get<PayloadLoad>(load).field) {
    case PayloadField::kIpSaddr:
      return "ip saddr";
    case PayloadField::kIpDaddr:
      return "ip daddr";
    case PayloadField::kIp6Saddr:
      return "ip6 saddr";
    case PayloadField::kIp6Daddr:
      return "ip6 daddr";
    case PayloadField::kThSport:
      return "th sport";
    case PayloadField::kThDport:
      return "th dport";
    case PayloadField::kEtherSaddr:
      return "ether saddr";
    case PayloadField::kEtherDaddr:
      break;
  }
  return "ether daddr";
}

std::string text_of_protocol(std::uint8_t number) {
  switch (number) {
    case 1:
      return "icmp";
    case 6:
      return "tcp";
    case 17:
      return "udp";
    case 58:
      return "ipv6-icmp";
    case 132:
      return "sctp";
    default:
      return std::to_string(number);
  }
}

std::string text_of_value(FieldType type, const Bytes& value) {
  if (value.size() != size_of(type)) return "(" + std::to_string(value.size()) + " bytes)";
  switch (type) {
    case FieldType::kIpv4Addr:
    case FieldType::kIpv6Addr: {
      const auto address = IpAddress::from_bytes(value);
      return address ? address->to_string() : std::string();
    }
    case FieldType::kEtherAddr: {
      std::array<std::uint8_t, MacAddress::kSize> mac{};
      std::copy_n(value.begin(), mac.size(), mac.begin());
      return MacAddress(mac).to_string();
    }
    case FieldType::kNfproto:
      return value.front() == 2 ? "ipv4" : "ipv6";
    case FieldType::kInetProto:
      return text_of_protocol(value.front());
    case FieldType::kInetService:
      return std::to_string(value[0] << 8 | value[1]);
    case FieldType::kMark: {
      std::uint32_t mark = 0;
      std::memcpy(&mark, value.data(), sizeof mark);
      char text[16];
      std::snprintf(text, sizeof text, "0x%08x", mark);
      return text;
    }
    case FieldType::kIfname:
      break;
  }
  return '"' + std::string(value.begin(), std::ranges::find(value, std::uint8_t{0})) + '"';
}

/// The length of a prefix mask, or nothing if its bits are not contiguous from the left.
std::optional<unsigned> prefix_of(const Bytes& mask) {
  unsigned length = 0;
  bool ended = false;
  for (const std::uint8_t byte : mask) {
    for (unsigned bit = 8; bit-- > 0;) {
      const bool one = (byte >> bit & 1U) != 0;
      if (one && ended) return std::nullopt;
      ended = ended || !one;
      length += one ? 1 : 0;
    }
  }
  return length;
}

struct ExprText {
  std::string operator()(const Lookup& lookup) const {
    std::string text;
    for (const Load& load : lookup.load) text += (text.empty() ? "" : " . ") + text_of(load);
    return text + (lookup.invert ? " != @" : " @") + lookup.set;
  }
  std::string operator()(const Compare& compare) const {
    const FieldType type = type_of(compare.load);
    const std::string load = text_of(compare.load), value = text_of_value(type, compare.value);
    if (compare.mask.empty()) return load + (compare.invert ? " != " : " ") + value;
    const bool address = type == FieldType::kIpv4Addr || type == FieldType::kIpv6Addr;
    if (const auto prefix = prefix_of(compare.mask); address && prefix) {
      return load + (compare.invert ? " != " : " ") + value + "/" + std::to_string(*prefix);
    }
    return load + " & " + text_of_value(type, compare.mask) + (compare.invert ? " != " : " == ") + value;
  }
  std::string operator()(const Verdict& verdict) const {
    switch (verdict.kind) {
      case VerdictKind::kAccept:
        return "accept";
      case VerdictKind::kDrop:
        return "drop";
      case VerdictKind::kReturn:
        return "return";
      case VerdictKind::kJump:
        return "jump " + verdict.chain;
      case VerdictKind::kGoto:
        break;
    }
    return "goto " + verdict.chain;
  }
  std::string operator()(const Masquerade&) const { return "masquerade"; }
};

std::string text_of(const std::vector<FieldType>& fields) {
  std::string text;
  for (const FieldType field : fields) text += (text.empty() ? "" : " . ") + std::string(name_of(field));
  return text;
}

std::string text_of(const SetSpec& set) {
  std::string text = std::string("\t") + (set.data.empty() ? "set " : "map ") + set.name + " {\n\t\ttype " +
                     text_of(set.key);
  if (!set.data.empty()) text += " : " + text_of(set.data);
  return text + "\n\t}\n";
}

std::string text_of(const TableSpec& table, const ChainSpec& chain) {
  std::string text = "\tchain " + chain.name + " {\n";
  if (chain.type != ChainType::kRegular) {
    text += std::string("\t\ttype ") + (chain.type == ChainType::kNat ? "nat" : "filter") + " hook " +
            text_of(chain.hook) + " priority " + text_of_priority(table.family, chain) + "; policy accept;\n";
  }
  for (const RuleSpec& rule : table.rules) {
    if (rule.chain != chain.name) continue;
    std::string line;
    for (const Expr& expr : rule.exprs) line += (line.empty() ? "" : " ") + std::visit(ExprText{}, expr);
    if (!rule.comment.empty()) line += " comment \"" + stored_comment(rule.comment) + '"';
    text += "\t\t" + line + "\n";
  }
  return text + "\t}\n";
}

}  // namespace

std::string to_text(const TableSpec& table) {
  std::string text = std::string("table ") + to_string(table.family) + " " + table.name + " {\n\tcomment \"" +
                     layout_comment(table.name, table.layout) + "\"\n";
  const char* gap = "";
  for (const SetSpec& set : table.sets) {
    text += gap + text_of(set);
    gap = "\n";
  }
  for (const ChainSpec& chain : table.chains) {
    text += gap + text_of(table, chain);
    gap = "\n";
  }
  return text + "}\n";
}

}  // namespace fairlead::nft
