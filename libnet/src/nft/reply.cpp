#include "nft/reply.hpp"

#include <arpa/inet.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "nft/attributes.hpp"

namespace fairlead::nft {
namespace {

constexpr std::size_t kHeader = sizeof(nfgenmsg);

std::optional<std::uint32_t> be32(const Attribute& attribute) {
  const auto raw = attribute.u32();
  return raw ? std::optional(ntohl(*raw)) : std::nullopt;
}

/// NFTA_DATA_VALUE inside a key or data attribute.
Bytes value_in(const Attribute& nest) {
  for (const Attribute& attribute : Attributes(nest.payload)) {
    if (attribute.type == NFTA_DATA_VALUE) return Bytes(attribute.payload.begin(), attribute.payload.end());
  }
  return {};
}

/// The string of the wanted type in nft's user data: type, length and value of one byte each, unpadded.
std::string user_string(std::span<const std::uint8_t> left, std::uint8_t wanted) {
  while (left.size() >= 2 && left.size() - 2 >= left[1]) {
    const auto value = left.subspan(2, left[1]);
    if (left[0] == wanted) return std::string(value.begin(), std::ranges::find(value, std::uint8_t{0}));
    left = left.subspan(2U + left[1]);
  }
  return {};
}

std::optional<Element> parse_element(const SetRef& set, const Attribute& nest) {
  Element element{.set = set, .key = {}};
  std::uint32_t flags = 0;
  for (const Attribute& attribute : Attributes(nest.payload)) {
    switch (attribute.type) {
      case NFTA_SET_ELEM_KEY:
        element.key = value_in(attribute);
        break;
      case NFTA_SET_ELEM_DATA:
        element.data = value_in(attribute);
        break;
      case NFTA_SET_ELEM_FLAGS:
        flags = be32(attribute).value_or(0);
        break;
      case NFTA_SET_ELEM_USERDATA:
        element.comment = user_string(attribute.payload, NFTNL_UDATA_SET_ELEM_COMMENT);
        break;
      default:
        break;
    }
  }
  if (element.key.empty() || (flags & NFT_SET_ELEM_INTERVAL_END) != 0) return std::nullopt;
  return element;
}

std::optional<std::uint32_t> find_u32(const nlmsghdr* message, std::uint16_t type) {
  for (const Attribute& attribute : Attributes(message, kHeader)) {
    if (attribute.type == type) return be32(attribute);
  }
  return std::nullopt;
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
      return kChainNames;
    case NFT_MSG_NEWRULE:
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

}  // namespace

std::optional<TableReply> parse_table(const nlmsghdr* message) {
  if (mnl_nlmsg_get_payload_len(message) < kHeader) return std::nullopt;
  TableReply reply;
  for (const Attribute& attribute : Attributes(message, kHeader)) {
    if (attribute.type == NFTA_TABLE_USERDATA) {
      reply.comment = user_string(attribute.payload, NFTNL_UDATA_TABLE_COMMENT);
    } else if (attribute.type == NFTA_TABLE_USE) {
      reply.use = be32(attribute).value_or(0);
    }
  }
  return reply;
}

std::optional<std::uint32_t> parse_chain_use(const nlmsghdr* message) {
  return find_u32(message, NFTA_CHAIN_USE);
}
std::optional<std::uint32_t> parse_generation(const nlmsghdr* message) {
  return find_u32(message, NFTA_GEN_ID);
}

std::vector<Element> parse_elements(const SetRef& set, const nlmsghdr* message) {
  std::vector<Element> elements;
  for (const Attribute& list : Attributes(message, kHeader)) {
    if (list.type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    for (const Attribute& nest : Attributes(list.payload)) {
      if (nest.type != NFTA_LIST_ELEM) continue;
      if (auto element = parse_element(set, nest)) elements.push_back(*std::move(element));
    }
  }
  return elements;
}

std::string attribute_path(const nlmsghdr* message, std::uint32_t offset) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(message);
  Names names = names_of_message(message->nlmsg_type & 0xff);
  Attributes level(message, kHeader);
  std::string path;
  for (bool inside = true; inside;) {
    inside = false;
    for (const Attribute& attribute : level) {
      const auto at = static_cast<std::size_t>(attribute.payload.data() - start) - MNL_ATTR_HDRLEN;
      if (offset < at || offset >= at + MNL_ATTR_HDRLEN + attribute.payload.size()) continue;
      const bool named = attribute.type < names.size();
      path += (path.empty() ? "" : ".") + (named ? names[attribute.type] : std::to_string(attribute.type));
      if (offset == at) return path;
      names = names_inside(names, attribute.type);
      level = Attributes(attribute.payload);
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
  if (ack.err == EOPNOTSUPP || ack.err == EAFNOSUPPORT) {
    return std::move(error).with_remedy(
        "the kernel needs nf_tables (modules nf_tables, nft_chain_nat, nft_masq)");
  }
  return error;
}

}  // namespace fairlead::nft
