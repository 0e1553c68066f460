#include "nft/reply.hpp"

#include <arpa/inet.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "nl/reader.hpp"

namespace fairlead::nft {
namespace {

constexpr std::size_t kHeader = sizeof(nfgenmsg);

nl::ByteView bytes_of(const nlmsghdr* message) {
  return {reinterpret_cast<const std::byte*>(message), message->nlmsg_len};
}

/// The attributes of a message of nf_tables.
Result<nl::ByteView> attributes_of(const nlmsghdr* message) {
  const nl::ByteView bytes = bytes_of(message);
  if (bytes.size() < NLMSG_HDRLEN + kHeader) return Unexpected(nl::malformed_error("its header is cut off"));
  return bytes.subspan(NLMSG_HDRLEN + kHeader);
}

std::optional<std::uint32_t> be32(const nl::RawAttr& attribute) {
  return nl::Wire<nl::Be32>::read(attribute.payload);
}

/// Calls `read` with each attribute. An attribute that does not fit is an error, not the end: what comes
/// behind it may be what was asked for.
template <class Read>
Result<void> each(nl::ByteView attributes, Read read) {
  nl::AttrWalk walk(attributes);
  while (const auto attribute = walk.next()) FAIRLEAD_CHECK(read(*attribute));
  if (walk.malformed()) return Unexpected(nl::malformed_error("an attribute of nf_tables runs past its end"));
  return {};
}

Bytes octets(nl::ByteView payload) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(payload.data());
  return Bytes(data, data + payload.size());
}

/// NFTA_DATA_VALUE inside a key or data attribute.
Result<Bytes> value_in(nl::ByteView nest) {
  Bytes value;
  FAIRLEAD_CHECK(each(nest, [&](const nl::RawAttr& attribute) -> Result<void> {
    if (attribute.type == NFTA_DATA_VALUE) value = octets(attribute.payload);
    return {};
  }));
  return value;
}

/// The string of the wanted type in nft's user data: type, length and value of one byte each, unpadded.
/// Whatever another program wrote there is no error: it is not a comment of ours.
std::string user_string(nl::ByteView data, std::uint8_t wanted) {
  const Bytes bytes = octets(data);
  for (auto left = std::span(bytes); left.size() >= 2 && left.size() - 2 >= left[1];) {
    const auto value = left.subspan(2, left[1]);
    if (left[0] == wanted) return std::string(value.begin(), std::ranges::find(value, std::uint8_t{0}));
    left = left.subspan(2U + left[1]);
  }
  return {};
}

/// Nothing for an element that has no key (catch-all) or ends an interval.
Result<std::optional<Element>> parse_element(const SetRef& set, nl::ByteView nest) {
  Element element{.set = set, .key = {}};
  std::uint32_t flags = 0;
  FAIRLEAD_CHECK(each(nest, [&](const nl::RawAttr& attribute) -> Result<void> {
    switch (attribute.type) {
      case NFTA_SET_ELEM_KEY: {
        FAIRLEAD_TRY(element.key, value_in(attribute.payload));
        break;
      }
      case NFTA_SET_ELEM_DATA: {
        FAIRLEAD_TRY(element.data, value_in(attribute.payload));
        break;
      }
      case NFTA_SET_ELEM_FLAGS:
        flags = be32(attribute).value_or(0);
        break;
      case NFTA_SET_ELEM_USERDATA:
        element.comment = user_string(attribute.payload, NFTNL_UDATA_SET_ELEM_COMMENT);
        break;
      default:
        break;
    }
    return {};
  }));
  if (element.key.empty() || (flags & NFT_SET_ELEM_INTERVAL_END) != 0) return std::optional<Element>();
  return std::optional(std::move(element));
}

/// What the attribute of that type holds, nothing if there is none.
Result<nl::ByteView> payload_of(nl::ByteView attributes, std::uint16_t type) {
  nl::ByteView payload;
  FAIRLEAD_CHECK(each(attributes, [&](const nl::RawAttr& attribute) -> Result<void> {
    if (attribute.type == type) payload = attribute.payload;
    return {};
  }));
  return payload;
}

std::string text_of(nl::ByteView payload) {
  return std::string(nl::Wire<nl::Text>::read(payload).value_or(""));
}

/// Where the jump or goto among a rule's expressions leads, "" if there is none: verdicts are "immediate"
/// values.
Result<std::string> jump_among(nl::ByteView expressions) {
  std::string chain;
  FAIRLEAD_CHECK(each(expressions, [&](const nl::RawAttr& element) -> Result<void> {
    FAIRLEAD_TRY(const nl::ByteView name, payload_of(element.payload, NFTA_EXPR_NAME));
    if (text_of(name) != "immediate") return {};
    FAIRLEAD_TRY(const nl::ByteView expression, payload_of(element.payload, NFTA_EXPR_DATA));
    FAIRLEAD_TRY(const nl::ByteView value, payload_of(expression, NFTA_IMMEDIATE_DATA));
    FAIRLEAD_TRY(const nl::ByteView verdict, payload_of(value, NFTA_DATA_VERDICT));
    FAIRLEAD_TRY(const nl::ByteView target, payload_of(verdict, NFTA_VERDICT_CHAIN));
    if (!target.empty()) chain = text_of(target);
    return {};
  }));
  return chain;
}

Result<std::uint32_t> find_u32(const nlmsghdr* message, std::uint16_t type) {
  FAIRLEAD_TRY(const nl::ByteView attributes, attributes_of(message));
  std::optional<std::uint32_t> value;
  FAIRLEAD_CHECK(each(attributes, [&](const nl::RawAttr& attribute) -> Result<void> {
    if (attribute.type == type) value = be32(attribute);
    return {};
  }));
  if (!value) return Unexpected(nl::malformed_error("a number of nf_tables is missing or too short"));
  return *value;
}

constexpr std::array kTableNames{"",
                                 "NFTA_TABLE_NAME",
                                 "NFTA_TABLE_FLAGS",
                                 "NFTA_TABLE_USE",
                                 "NFTA_TABLE_HANDLE",
                                 "NFTA_TABLE_PAD",
                                 "NFTA_TABLE_USERDATA",
                                 "NFTA_TABLE_OWNER"};
constexpr std::array kChainNames{"",
                                 "NFTA_CHAIN_TABLE",
                                 "NFTA_CHAIN_HANDLE",
                                 "NFTA_CHAIN_NAME",
                                 "NFTA_CHAIN_HOOK",
                                 "NFTA_CHAIN_POLICY",
                                 "NFTA_CHAIN_USE",
                                 "NFTA_CHAIN_TYPE",
                                 "NFTA_CHAIN_COUNTERS"};
constexpr std::array kRuleNames{"",
                                "NFTA_RULE_TABLE",
                                "NFTA_RULE_CHAIN",
                                "NFTA_RULE_HANDLE",
                                "NFTA_RULE_EXPRESSIONS",
                                "NFTA_RULE_COMPAT",
                                "NFTA_RULE_POSITION",
                                "NFTA_RULE_USERDATA"};
constexpr std::array kSetNames{"",
                               "NFTA_SET_TABLE",
                               "NFTA_SET_NAME",
                               "NFTA_SET_FLAGS",
                               "NFTA_SET_KEY_TYPE",
                               "NFTA_SET_KEY_LEN",
                               "NFTA_SET_DATA_TYPE",
                               "NFTA_SET_DATA_LEN",
                               "NFTA_SET_POLICY",
                               "NFTA_SET_DESC",
                               "NFTA_SET_ID",
                               "NFTA_SET_TIMEOUT",
                               "NFTA_SET_GC_INTERVAL",
                               "NFTA_SET_USERDATA"};
constexpr std::array kListNames{"", "NFTA_SET_ELEM_LIST_TABLE", "NFTA_SET_ELEM_LIST_SET",
                                "NFTA_SET_ELEM_LIST_ELEMENTS", "NFTA_SET_ELEM_LIST_SET_ID"};
constexpr std::array kListElemNames{"", "NFTA_LIST_ELEM"};
constexpr std::array kElemNames{"",
                                "NFTA_SET_ELEM_KEY",
                                "NFTA_SET_ELEM_DATA",
                                "NFTA_SET_ELEM_FLAGS",
                                "NFTA_SET_ELEM_TIMEOUT",
                                "NFTA_SET_ELEM_EXPIRATION",
                                "NFTA_SET_ELEM_USERDATA"};
constexpr std::array kDataNames{"", "NFTA_DATA_VALUE", "NFTA_DATA_VERDICT"};

using Names = std::span<const char* const>;

Names names_of_message(int message) {
  switch (message) {
    case NFT_MSG_NEWTABLE:
    case NFT_MSG_GETTABLE:
    case NFT_MSG_DELTABLE:
      return kTableNames;
    case NFT_MSG_NEWCHAIN:
    case NFT_MSG_GETCHAIN:
    case NFT_MSG_DELCHAIN:
      return kChainNames;
    case NFT_MSG_NEWRULE:
    case NFT_MSG_GETRULE:
    case NFT_MSG_DELRULE:
      return kRuleNames;
    case NFT_MSG_NEWSET:
      return kSetNames;
    case NFT_MSG_NEWSETELEM:
    case NFT_MSG_GETSETELEM:
    case NFT_MSG_DELSETELEM:
      return kListNames;
    default:
      return {};
  }
}

/// Names of the attributes inside a nested one. A rule's expressions are generic lists of generic data
/// (their own names depend on the expression's name), they are numbered.
Names names_inside(Names names, std::uint16_t type) {
  if (names.data() == kListNames.data() && type == NFTA_SET_ELEM_LIST_ELEMENTS) return kListElemNames;
  if (names.data() == kListElemNames.data()) return kElemNames;
  if (names.data() == kElemNames.data() && type <= NFTA_SET_ELEM_DATA) return kDataNames;
  return {};
}

/// The name of the expression whose NFTA_LIST_ELEM begins at `offset` of a NFT_MSG_NEWRULE of ours.
std::string_view expression_at(const nlmsghdr* rule, std::uint32_t offset) {
  const nl::ByteView bytes = bytes_of(rule);
  nl::AttrWalk list(bytes.subspan(std::min<std::size_t>(offset, bytes.size())));
  const auto expression = list.next();
  if (!expression || expression->type != NFTA_LIST_ELEM) return {};
  nl::AttrWalk walk(expression->payload);
  while (const auto attribute = walk.next()) {
    if (attribute->type == NFTA_EXPR_NAME) return nl::Wire<nl::Text>::read(attribute->payload).value_or("");
  }
  return {};
}

/// Where ENOENT says that no module provides a chain type or an expression. A lookup and a jump are built
/// in: with them it is their set or their chain that is missing.
bool module_is_missing(const nlmsghdr* request, const Ack& ack) {
  if (ack.err != ENOENT || request == nullptr || ack.offset == 0) return false;
  switch (request->nlmsg_type & 0xff) {
    case NFT_MSG_NEWCHAIN:
      return attribute_path(request, ack.offset) == "NFTA_CHAIN_TYPE";
    case NFT_MSG_NEWRULE: {
      const std::string_view name = expression_at(request, ack.offset);
      return !name.empty() && name != "lookup" && name != "immediate";
    }
    default:
      return false;
  }
}

}  // namespace

Result<TableReply> parse_table(const nlmsghdr* message) {
  FAIRLEAD_TRY(const nl::ByteView attributes, attributes_of(message));
  TableReply reply;
  FAIRLEAD_CHECK(each(attributes, [&](const nl::RawAttr& attribute) -> Result<void> {
    if (attribute.type == NFTA_TABLE_USERDATA) {
      reply.comment = user_string(attribute.payload, NFTNL_UDATA_TABLE_COMMENT);
    } else if (attribute.type == NFTA_TABLE_USE) {
      reply.use = be32(attribute).value_or(0);
    }
    return {};
  }));
  return reply;
}

Result<std::uint32_t> parse_chain_use(const nlmsghdr* message) { return find_u32(message, NFTA_CHAIN_USE); }
Result<std::uint32_t> parse_generation(const nlmsghdr* message) { return find_u32(message, NFTA_GEN_ID); }

Result<std::vector<Element>> parse_elements(const SetRef& set, const nlmsghdr* message) {
  FAIRLEAD_TRY(const nl::ByteView attributes, attributes_of(message));
  std::vector<Element> elements;
  FAIRLEAD_CHECK(each(attributes, [&](const nl::RawAttr& list) -> Result<void> {
    if (list.type != NFTA_SET_ELEM_LIST_ELEMENTS) return {};
    return each(list.payload, [&](const nl::RawAttr& nest) -> Result<void> {
      if (nest.type != NFTA_LIST_ELEM) return {};
      FAIRLEAD_TRY(auto element, parse_element(set, nest.payload));
      if (element) elements.push_back(*std::move(element));
      return {};
    });
  }));
  return elements;
}

Result<RuleState> parse_rule(const nlmsghdr* message) {
  FAIRLEAD_TRY(const nl::ByteView attributes, attributes_of(message));
  std::optional<std::uint64_t> handle;
  RuleState rule;
  FAIRLEAD_CHECK(each(attributes, [&](const nl::RawAttr& attribute) -> Result<void> {
    if (attribute.type == NFTA_RULE_HANDLE) {
      handle = nl::WireBigEndian<std::uint64_t>::read(attribute.payload);
    } else if (attribute.type == NFTA_RULE_CHAIN) {
      rule.chain = nl::Wire<nl::Text>::read(attribute.payload).value_or("");
    } else if (attribute.type == NFTA_RULE_USERDATA) {
      rule.comment = user_string(attribute.payload, NFTNL_UDATA_RULE_COMMENT);
    } else if (attribute.type == NFTA_RULE_EXPRESSIONS) {
      FAIRLEAD_TRY(rule.jumps_to, jump_among(attribute.payload));
    }
    return {};
  }));
  if (!handle) return Unexpected(nl::malformed_error("a rule of nf_tables has no handle"));
  rule.handle = *handle;
  return rule;
}

std::string attribute_path(const nlmsghdr* message, std::uint32_t offset) {
  Names names = names_of_message(message->nlmsg_type & 0xff);
  const auto attributes = attributes_of(message);
  if (!attributes) return {};
  nl::ByteView level = *attributes;
  std::string path;
  for (bool inside = true; inside;) {
    inside = false;
    const auto begin = static_cast<std::size_t>(level.data() - bytes_of(message).data());
    nl::AttrWalk walk(level);
    while (const auto attribute = walk.next()) {
      const std::size_t at = begin + attribute->offset;
      if (offset < at || offset >= at + NLA_HDRLEN + attribute->payload.size()) continue;
      const bool named = attribute->type < names.size();
      path += (path.empty() ? "" : ".") + (named ? names[attribute->type] : std::to_string(attribute->type));
      if (offset == at) return path;
      names = names_inside(names, attribute->type);
      level = attribute->payload;
      inside = true;
      break;
    }
  }
  return {};
}

Error error_of(const Ack& ack, const std::string& operation, const nlmsghdr* request) {
  Error error = error_from_errno(ack.err, operation);
  error.kernel->message = ack.message;
  if (!ack.message.empty()) error.what = operation + ": " + errno_name(ack.err) + ": " + ack.message;
  if (request != nullptr && ack.offset != 0) error.kernel->attribute = attribute_path(request, ack.offset);
  if (!error.kernel->attribute.empty()) error.what += " (" + error.kernel->attribute + ")";
  if (ack.err == EPERM) return std::move(error).with_remedy("needs CAP_NET_ADMIN in this network namespace");
  const bool missing = module_is_missing(request, ack);
  if (missing) error.code = Errc::kUnsupported;
  if (missing || ack.err == EOPNOTSUPP || ack.err == EAFNOSUPPORT) {
    return std::move(error).with_remedy(
        "the kernel needs nf_tables (modules nf_tables, nft_chain_nat, nft_masq)");
  }
  return error;
}

}  // namespace fairlead::nft
