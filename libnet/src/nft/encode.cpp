#include "nft/encode.hpp"

#include <arpa/inet.h>
#include <endian.h>
#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cstdlib>
#include <memory>

#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

// Names have at most 255 bytes, keys and data 64, comments 128 (see malformed()): a message with an element
// or with two names stays below 1 KiB.
constexpr std::size_t kElementRoom = 1 << 10;
constexpr std::size_t kObjectRoom = 2 << 10;
// The largest is a jump: a chain name of 256 bytes, the expression's own name and seven headers.
constexpr std::size_t kExpressionRoom = 320;

constexpr std::uint16_t type(int message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

std::uint8_t protocol8(Family family) { return static_cast<std::uint8_t>(protocol_of(family)); }

/// A libnftnl object; running out of memory ends the process, as it does everywhere in C++ code.
template <class T>
auto owned(T* object, void (*release)(const T*)) {
  if (object == nullptr) std::abort();
  return std::unique_ptr<T, void (*)(const T*)>(object, release);
}

nlmsghdr* begin(int message, int flags, Family family, std::uint32_t sequence, std::size_t room,
                MessageBuffer* buffer) {
  return buffer->begin(type(message), static_cast<std::uint16_t>(flags), sequence, protocol8(family), 0,
                       room);
}

using UserData = std::unique_ptr<nftnl_udata_buf, void (*)(const nftnl_udata_buf*)>;
UserData user_data() { return owned(nftnl_udata_buf_alloc(256), nftnl_udata_buf_free); }

void put_value(nlmsghdr* message, std::uint16_t attribute, const Bytes& value) {
  nlattr* nest = mnl_attr_nest_start(message, attribute);
  mnl_attr_put(message, NFTA_DATA_VALUE, value.size(), value.data());
  mnl_attr_nest_end(message, nest);
}

void put_set(nlmsghdr* message, const SetRef& set) {
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, set.table.c_str());
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set.set.c_str());
}

enum class Content { kWhole, kKeyOnly };

void put_element(nlmsghdr* message, const Element& element, Content content) {
  put_set(message, element.set);
  nlattr* list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
  nlattr* nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
  put_value(message, NFTA_SET_ELEM_KEY, element.key);
  if (content == Content::kWhole) {
    if (!element.data.empty()) put_value(message, NFTA_SET_ELEM_DATA, element.data);
    if (const std::string comment = stored_comment(element.comment); !comment.empty()) {
      // nft walks these as type, length, value and takes the terminating zero for granted.
      std::uint8_t tlv[2 + 128] = {NFTNL_UDATA_SET_ELEM_COMMENT,
                                   static_cast<std::uint8_t>(comment.size() + 1)};
      comment.copy(reinterpret_cast<char*>(tlv + 2), comment.size());
      mnl_attr_put(message, NFTA_SET_ELEM_USERDATA, comment.size() + 3, tlv);
    }
  }
  mnl_attr_nest_end(message, nest);
  mnl_attr_nest_end(message, list);
}

void put_table(nlmsghdr* message, const TableSpec& spec) {
  const auto table = owned(nftnl_table_alloc(), nftnl_table_free);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, spec.name.c_str());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, 0);
  const UserData data = user_data();
  // Without its comment the table would be taken for a foreign one; malformed() sees to it that it fits.
  const std::string comment = layout_comment(spec.name, spec.layout);
  if (!nftnl_udata_put_strz(data.get(), NFTNL_UDATA_TABLE_COMMENT, comment.c_str())) std::abort();
  nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data.get()),
                       nftnl_udata_buf_len(data.get()));
  nftnl_table_nlmsg_build_payload(message, table.get());
}

/// nft's own note on the byte order of integers in a key; a concatenation has none (0).
std::uint32_t byte_order(const std::vector<FieldType>& fields) {
  constexpr std::uint32_t kNone = 0, kHost = 1, kBig = 2;  // enum byteorder of nft's datatype.h
  if (fields.size() != 1) return kNone;
  return fields[0] == FieldType::kIfname || fields[0] == FieldType::kMark ? kHost : kBig;
}

void put_set_spec(nlmsghdr* message, const TableSpec& spec, const SetSpec& set, std::uint32_t id) {
  const auto object = owned(nftnl_set_alloc(), nftnl_set_free);
  const UserData data = user_data();
  nftnl_set_set_str(object.get(), NFTNL_SET_TABLE, spec.name.c_str());
  nftnl_set_set_str(object.get(), NFTNL_SET_NAME, set.name.c_str());
  nftnl_set_set_u32(object.get(), NFTNL_SET_ID, id);
  nftnl_set_set_u32(object.get(), NFTNL_SET_FLAGS, set.data.empty() ? 0 : NFT_SET_MAP);
  nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_TYPE, packed_type(set.key));
  nftnl_set_set_u32(object.get(), NFTNL_SET_KEY_LEN, static_cast<std::uint32_t>(key_size(set.key)));
  nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER, byte_order(set.key));
  if (!set.data.empty()) {
    nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_TYPE, packed_type(set.data));
    nftnl_set_set_u32(object.get(), NFTNL_SET_DATA_LEN, static_cast<std::uint32_t>(key_size(set.data)));
    nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_DATABYTEORDER, byte_order(set.data));
  }
  nftnl_set_set_data(object.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(data.get()),
                     nftnl_udata_buf_len(data.get()));
  nftnl_set_nlmsg_build_payload(message, object.get());
}

std::uint32_t hook_number(Hook hook) {
  switch (hook) {
    case Hook::kPrerouting:
      return NF_INET_PRE_ROUTING;  // the bridge family numbers its hooks alike
    case Hook::kInput:
      return NF_INET_LOCAL_IN;
    case Hook::kForward:
      return NF_INET_FORWARD;
    case Hook::kOutput:
      return NF_INET_LOCAL_OUT;
    case Hook::kPostrouting:
      break;
  }
  return NF_INET_POST_ROUTING;
}

void put_chain(nlmsghdr* message, const TableSpec& spec, const ChainSpec& chain) {
  const auto object = owned(nftnl_chain_alloc(), nftnl_chain_free);
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, spec.name.c_str());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, chain.name.c_str());
  if (chain.type != ChainType::kRegular) {
    nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, chain.type == ChainType::kNat ? "nat" : "filter");
    nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, hook_number(chain.hook));
    nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, chain.priority);
    nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
  }
  nftnl_chain_nlmsg_build_payload(message, object.get());
}

class CommandEncoder {
 public:
  CommandEncoder(const Command& command, std::size_t index, std::uint32_t first_sequence,
                 Transaction* transaction)
      : command_(command), index_(index), first_sequence_(first_sequence), transaction_(transaction) {}

  void element() {
    const bool add = command_.kind == Command::Kind::kAddElement;
    const Element& element = command_.element;
    nlmsghdr* message = start(add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0,
                              {index_, add ? "add element to set" : "remove element from set",
                               &element.set.set, element.set.family, &element.set.table},
                              kElementRoom);
    put_element(message, element, add ? Content::kWhole : Content::kKeyOnly);
    buffer().end();
  }

  void remove_rule() {
    const ChainRef& chain = command_.chain;
    nlmsghdr* message =
        start(NFT_MSG_DELRULE, 0,
              {index_, "remove a rule of chain", &chain.chain, chain.family, &chain.table}, kElementRoom);
    mnl_attr_put_strz(message, NFTA_RULE_TABLE, chain.table.c_str());
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain.chain.c_str());
    mnl_attr_put_u64(message, NFTA_RULE_HANDLE, htobe64(command_.rule));
    buffer().end();
  }

  /// Its rules go with it (nf_tables_delchain in net/netfilter/nf_tables_api.c).
  void remove_chain() {
    const ChainRef& chain = command_.chain;
    nlmsghdr* message =
        start(NFT_MSG_DELCHAIN, 0, {index_, "remove chain", &chain.chain, chain.family, &chain.table},
              kElementRoom);
    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, chain.table.c_str());
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, chain.chain.c_str());
    buffer().end();
  }

  void delete_table() {
    const TableSpec& spec = *command_.table;
    nlmsghdr* message = start(NFT_MSG_DELTABLE, 0, info("delete table", spec.name, nullptr), kObjectRoom);
    mnl_attr_put_strz(message, NFTA_TABLE_NAME, spec.name.c_str());
    buffer().end();
  }

  void create_table() {
    // EXCL on the table alone: rules have no names, so a second creator that is let through leaves every
    // rule twice. Whoever loses finds the whole table, which is made in one transaction.
    const TableSpec& spec = *command_.table;
    put_table(start(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, info("create table", spec.name, nullptr),
                    kObjectRoom),
              spec);
    buffer().end();
    std::uint32_t id = 0;
    for (const SetSpec& set : spec.sets) {
      put_set_spec(start(NFT_MSG_NEWSET, NLM_F_CREATE, info("create set", set.name, &spec.name), kObjectRoom),
                   spec, set, ++id);
      buffer().end();
    }
    for (const ChainSpec& chain : spec.chains) {
      put_chain(
          start(NFT_MSG_NEWCHAIN, NLM_F_CREATE, info("create chain", chain.name, &spec.name), kObjectRoom),
          spec, chain);
      buffer().end();
    }
    for (const RuleSpec& rule : spec.rules) {
      encode_rule(spec, rule,
                  start(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
                        info("add rule to chain", rule.chain, &spec.name),
                        kObjectRoom + kExpressionRoom * kernel_expressions(rule)));
      buffer().end();
    }
  }

 private:
  MessageInfo info(const char* verb, const std::string& object, const std::string* table) const {
    return {index_, verb, &object, command_.table->family, table};
  }
  nlmsghdr* start(int message, int flags, const MessageInfo& info, std::size_t room) {
    const std::uint32_t sequence = first_sequence_ + static_cast<std::uint32_t>(transaction_->infos.size());
    transaction_->infos.push_back(info);
    return begin(message, flags, info.family, sequence, room, &buffer());
  }
  MessageBuffer& buffer() { return transaction_->buffer; }

  const Command& command_;
  std::size_t index_;
  std::uint32_t first_sequence_;
  Transaction* transaction_;
};

}  // namespace

std::string describe(const MessageInfo& info) {
  if (info.table == nullptr)
    return std::string(info.verb) + " " + to_string(info.family) + " " + *info.object;
  return std::string(info.verb) + " " + *info.object + " of " + name_of(info.family, *info.table);
}

void encode_command(const Command& command, std::size_t index, std::uint32_t first_sequence,
                    Transaction* transaction) {
  CommandEncoder encoder(command, index, first_sequence, transaction);
  switch (command.kind) {
    case Command::Kind::kRemoveRule:
      encoder.remove_rule();
      return;
    case Command::Kind::kRemoveChain:
      encoder.remove_chain();
      return;
    case Command::Kind::kRemoveElement:
    case Command::Kind::kAddElement:
      encoder.element();
      return;
    case Command::Kind::kReplaceTable:
      encoder.delete_table();
      [[fallthrough]];
    case Command::Kind::kCreateTable:
      encoder.create_table();
      return;
  }
}

void begin_batch(std::uint32_t generation, std::uint32_t sequence, MessageBuffer* buffer) {
  nlmsghdr* message =
      buffer->begin(NFNL_MSG_BATCH_BEGIN, 0, sequence, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, kElementRoom);
  if (generation != 0) mnl_attr_put_u32(message, NFNL_BATCH_GENID, htonl(generation));
  buffer->end();
}

void end_batch(std::uint32_t sequence, MessageBuffer* buffer) {
  buffer->begin(NFNL_MSG_BATCH_END, 0, sequence, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, kElementRoom);
  buffer->end();
}

void query_table(const TableSpec& table, std::uint32_t sequence, MessageBuffer* buffer) {
  nlmsghdr* message = begin(NFT_MSG_GETTABLE, 0, table.family, sequence, kElementRoom, buffer);
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, table.name.c_str());
  buffer->end();
}

void query_chain(const ChainRef& chain, std::uint32_t sequence, MessageBuffer* buffer) {
  nlmsghdr* message = begin(NFT_MSG_GETCHAIN, 0, chain.family, sequence, kElementRoom, buffer);
  mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, chain.table.c_str());
  mnl_attr_put_strz(message, NFTA_CHAIN_NAME, chain.chain.c_str());
  buffer->end();
}

void query_rules(const ChainRef& chain, std::uint32_t sequence, MessageBuffer* buffer) {
  nlmsghdr* message = begin(NFT_MSG_GETRULE, NLM_F_DUMP, chain.family, sequence, kElementRoom, buffer);
  mnl_attr_put_strz(message, NFTA_RULE_TABLE, chain.table.c_str());
  if (!chain.chain.empty()) mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain.chain.c_str());
  buffer->end();
}

void query_element(const Element& element, std::uint32_t sequence, MessageBuffer* buffer) {
  nlmsghdr* message = begin(NFT_MSG_GETSETELEM, 0, element.set.family, sequence, kElementRoom, buffer);
  put_element(message, element, Content::kKeyOnly);
  buffer->end();
}

void query_elements(const SetRef& set, std::uint32_t sequence, MessageBuffer* buffer) {
  nlmsghdr* message = begin(NFT_MSG_GETSETELEM, NLM_F_DUMP, set.family, sequence, kElementRoom, buffer);
  put_set(message, set);
  buffer->end();
}

void query_generation(std::uint32_t sequence, MessageBuffer* buffer) {
  begin(NFT_MSG_GETGEN, 0, Family::kInet, sequence, kElementRoom, buffer);
  buffer->end();
}

}  // namespace fairlead::nft
