// nf_tables messages: the transaction of a plan, and queries.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nft/decide.hpp"
#include "nft/socket.hpp"

namespace fairlead::nft {

/// What one message of a transaction does, for errors: "create chain postrouting of table inet fairlead".
struct MessageInfo {
  std::size_t command;
  const char* verb;           ///< "create chain"
  const std::string* object;  ///< name of a chain, set or table
  Family family;
  const std::string* table;  ///< null: `object` is the table
};
[[nodiscard]] std::string describe(const MessageInfo& info);

/// A batch: its messages have consecutive sequence numbers, infos[i] belongs to number first_sequence + i.
struct Transaction {
  MessageBuffer buffer;
  std::vector<MessageInfo> infos;
};

/// Appends the messages of one command, whose names `transaction` refers to; the sequence number of the
/// next one is `first_sequence` + infos.size().
void encode_command(const Command& command, std::size_t index, std::uint32_t first_sequence,
                    Transaction* transaction);
void encode_command(Command&&, std::size_t, std::uint32_t, Transaction*) = delete;
/// The batch's delimiters. `generation` 0: commit whatever else has changed; otherwise the kernel answers
/// ERESTART if anything has.
void begin_batch(std::uint32_t generation, std::uint32_t sequence, MessageBuffer* buffer);
void end_batch(std::uint32_t sequence, MessageBuffer* buffer);

void query_table(const TableSpec& table, std::uint32_t sequence, MessageBuffer* buffer);
void query_chain(const ChainRef& chain, std::uint32_t sequence, MessageBuffer* buffer);
/// Of the whole table if the chain has no name.
void query_rules(const ChainRef& chain, std::uint32_t sequence, MessageBuffer* buffer);
void query_element(const Element& element, std::uint32_t sequence, MessageBuffer* buffer);
void query_elements(const SetRef& set, std::uint32_t sequence, MessageBuffer* buffer);
void query_generation(std::uint32_t sequence, MessageBuffer* buffer);

/// Adds the rule's table, chain, expressions and comment to a NFT_MSG_NEWRULE.
void encode_rule(const TableSpec& table, const RuleSpec& rule, nlmsghdr* message);

}  // namespace fairlead::nft
