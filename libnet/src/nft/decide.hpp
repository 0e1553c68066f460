// What a list of ops needs, given what the kernel holds: pure, so that every case is a unit test.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/op.hpp"

namespace fairlead::nft {

struct TableState {
  bool present = false;
  std::uint32_t layout = 0;  ///< 0: no layout comment, so not one of ours
  bool complete = true;  ///< false if it has fewer sets, chains or rules than the spec (`nft flush table`)
};

/// A rule as the kernel holds it. Handles are not used again within a table.
struct RuleState {
  std::uint64_t handle = 0;
  std::string chain{};     ///< the one that it stands in
  std::string jumps_to{};  ///< of a jump or goto
  std::string comment{};   ///< as nft(8) writes it; iptables has its own elsewhere
};

using TableKey = std::pair<Family, std::string>;
using ElementKey = std::pair<SetRef, Bytes>;

struct Observed {
  std::map<TableKey, TableState> tables;   ///< every table that an EnsureTable names
  std::map<ElementKey, Element> elements;  ///< those of the named elements that exist
  std::vector<Element> old_elements;       ///< of tables that are to be replaced
  /// Every chain that is there of those that a RemoveChain or RemoveRules names, with its rules where these
  /// matter.
  std::map<ChainRef, std::vector<RuleState>> chains;
  std::uint32_t generation = 0;  ///< of the ruleset, 0: not asked for
};

/// One indivisible step of a transaction.
struct Command {
  enum class Kind : std::uint8_t {
    kRemoveRule,
    kRemoveChain,
    kRemoveElement,
    kCreateTable,
    kReplaceTable,
    kAddElement
  };
  Kind kind;
  std::size_t op;                    ///< whose error it is when this step is refused
  const TableSpec* table = nullptr;  ///< kCreateTable, kReplaceTable; lives as long as the ops
  Element element{};                 ///< kAddElement, kRemoveElement
  ChainRef chain{};                  ///< kRemoveChain; kRemoveRule: that of the rule
  std::uint64_t rule = 0;            ///< kRemoveRule: its handle
};

struct Planned {
  /// In the order to send: removals, tables, additions; so that a split one removes first.
  std::vector<Command> commands;
  /// For each op how many commands must be committed for it to be done; 0: nothing to do.
  std::vector<std::size_t> needs;
  std::optional<std::pair<std::size_t, Error>> refused;  ///< the op that cannot be, and why
};

/// True if `have`, as the kernel holds it under the same key, needs no replacement to be `want`.
[[nodiscard]] bool same_element(const Element& want, const Element& have);
/// True if the table must be replaced to become what the spec says.
[[nodiscard]] bool needs_replacement(const TableState& state, const TableSpec& spec);

/// Why a message about it cannot be built, or nothing. All functions below and the encoder rely on it.
[[nodiscard]] std::optional<Error> malformed(const SetRef& set);
[[nodiscard]] std::optional<Error> malformed(const ChainRef& chain);
[[nodiscard]] std::optional<Error> malformed(const Element& element);
[[nodiscard]] std::optional<Error> malformed(const TableSpec& table);
/// That of what the op names.
[[nodiscard]] std::optional<Error> malformed(const Op& op);

constexpr std::size_t kKernelExpressionsMax = 128;  ///< NFT_RULE_MAXEXPRS
/// At most that many expressions of the kernel's does the rule come to.
[[nodiscard]] std::size_t kernel_expressions(const RuleSpec& rule);

[[nodiscard]] Planned decide(std::span<const Op> ops, const Observed& observed);

/// The element that an op adds or removes, or null.
[[nodiscard]] const Element* element_of(const Op& op);

/// The chain from which jumps are removed.
[[nodiscard]] ChainRef jumping_chain(const RemoveChain& removal);
/// The chain whose rules matter to the op, or nothing.
[[nodiscard]] std::optional<ChainRef> listed_chain(const Op& op);
/// Whether the op removes what another program made.
[[nodiscard]] bool is_foreign(const Op& op);

/// `refusal` (EBUSY) of the removal, with those of `rules`, all of the table, that keep the chain.
[[nodiscard]] Error with_users(Error refusal, const RemoveChain& removal, std::span<const RuleState> rules);

/// "table inet fairlead", "set masq4 of table inet fairlead"
[[nodiscard]] std::string name_of(Family family, const std::string& table);
[[nodiscard]] std::string name_of(const SetRef& set);
[[nodiscard]] std::string name_of(const ChainRef& chain);

}  // namespace fairlead::nft
