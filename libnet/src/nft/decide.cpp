#include "nft/decide.hpp"

#include <algorithm>
#include <set>

#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

/// What several ops on one key come to.
struct Touched {
  ElementKey key;
  const Element* want = nullptr;  ///< null: removed
  std::vector<std::size_t> ops;
};

TableKey table_key(const SetRef& set) { return {set.family, set.table}; }

std::optional<Error> unusable(const TableState& state, const TableSpec& spec) {
  if (!state.present) return std::nullopt;
  const std::string name = name_of(spec.family, spec.name);
  if (state.layout == 0) {
    return Error{.code = Errc::kExists,
                 .what = name + ": exists and was not made by this program (it has no comment \"" +
                         layout_comment(spec.name, spec.layout) + "\")",
                 .remedy = std::string("nft delete table ") + to_string(spec.family) + " " + spec.name};
  }
  if (state.layout > spec.layout) {
    return Error{.code = Errc::kUnsupported,
                 .what = name + ": has layout " + std::to_string(state.layout) + ", this version knows " +
                         std::to_string(spec.layout),
                 .remedy = "a newer version made it and may be using it: use that version"};
  }
  return std::nullopt;
}

/// The ops' elements, each key once, in the order of their first op.
std::vector<Touched> touched_elements(std::span<const Op> ops) {
  std::vector<Touched> touched;
  std::map<ElementKey, std::size_t> index;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Element* element = element_of(ops[i]);
    if (element == nullptr) continue;
    const auto [at, fresh] = index.try_emplace({element->set, element->key}, touched.size());
    if (fresh) touched.push_back({.key = at->first, .want = nullptr, .ops = {}});
    Touched& one = touched[at->second];
    one.want = std::holds_alternative<AddElement>(ops[i].action) ? element : nullptr;
    one.ops.push_back(i);
  }
  return touched;
}

class Decision {
 public:
  Decision(std::span<const Op> ops, const Observed& observed)
      : ops_(ops), observed_(observed), touched_(touched_elements(ops)) {
    plan_.needs.resize(ops.size(), 0);
  }

  Planned run() && {
    find_tables();
    if (!plan_.refused) remove_foreign();
    if (!plan_.refused) remove();
    if (!plan_.refused) make_tables();
    if (!plan_.refused) add();
    return std::move(plan_);
  }

 private:
  void refuse(std::size_t op, Error error) { plan_.refused.emplace(op, std::move(error)); }

  void find_tables() {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      if (element_of(ops_[i]) != nullptr) continue;
      if (const auto* ensure = std::get_if<EnsureTable>(&ops_[i].action)) {
        const TableSpec& spec = ensure->table;
        const TableState& state = observed_.tables.at({spec.family, spec.name});
        if (auto error = unusable(state, spec)) return refuse(i, *std::move(error));
        if (state.present && !needs_replacement(state, spec)) continue;
        fresh_.try_emplace({spec.family, spec.name}, i);
      } else if (!listed_chain(ops_[i])) {
        return refuse(i, {.code = Errc::kInternal, .what = "not an nftables operation"});
      }
    }
  }

  /// The element as the kernel holds it when this transaction starts, or null.
  const Element* have(const Touched& one) const {
    if (fresh_.contains(table_key(one.key.first))) return nullptr;  // goes with its table
    const auto found = observed_.elements.find(one.key);
    return found == observed_.elements.end() ? nullptr : &found->second;
  }

  void command(Command step, const std::vector<std::size_t>& ops) {
    plan_.commands.push_back(std::move(step));
    for (const std::size_t op : ops) plan_.needs[op] = plan_.commands.size();
  }

  /// What other programs made. A rule is removed once, whichever ops it matches.
  void remove_foreign() {
    std::set<std::pair<ChainRef, std::uint64_t>> removed;  // the chain itself: number 0, which is no handle
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      const std::optional<ChainRef> listed = listed_chain(ops_[i]);
      const auto found = listed ? observed_.chains.find(*listed) : observed_.chains.end();
      if (found != observed_.chains.end()) {
        for (const RuleState& rule : found->second) {
          if (!is_to_be_removed(ops_[i], rule) || !removed.insert({*listed, rule.handle}).second) continue;
          command({.kind = Command::Kind::kRemoveRule, .op = i, .chain = *listed, .rule = rule.handle}, {i});
        }
      }
      const auto* chain = std::get_if<RemoveChain>(&ops_[i].action);
      if (chain == nullptr || !observed_.chains.contains(chain->chain)) continue;
      if (!removed.insert({chain->chain, 0}).second) continue;
      command({.kind = Command::Kind::kRemoveChain, .op = i, .chain = chain->chain}, {i});
    }
  }

  static bool is_to_be_removed(const Op& op, const RuleState& rule) {
    if (const auto* chain = std::get_if<RemoveChain>(&op.action)) return rule.jumps_to == chain->chain.chain;
    const auto* rules = std::get_if<RemoveRules>(&op.action);
    return rules != nullptr && rule.comment.starts_with(rules->comment_prefix);
  }

  void remove() {
    for (const Touched& one : touched_) {
      const Element* existing = have(one);
      if (existing == nullptr || (one.want != nullptr && same_element(*one.want, *existing))) continue;
      command({.kind = Command::Kind::kRemoveElement, .op = one.ops.back(), .element = *existing}, one.ops);
    }
  }

  void make_tables() {
    for (const auto& [key, op] : fresh_) {
      const TableSpec& spec = std::get<EnsureTable>(ops_[op].action).table;
      const bool present = observed_.tables.at(key).present;
      command({.kind = present ? Command::Kind::kReplaceTable : Command::Kind::kCreateTable,
               .op = op,
               .table = &spec},
              {op});
      if (present && !carry_over(spec, op)) return;
    }
  }

  /// The old table's elements, as far as no op says something else about them.
  bool carry_over(const TableSpec& spec, std::size_t op) {
    std::set<ElementKey> named;
    for (const Touched& one : touched_) named.insert(one.key);
    for (const Element& old : observed_.old_elements) {
      if (table_key(old.set) != TableKey(spec.family, spec.name)) continue;
      const auto set = std::ranges::find(spec.sets, old.set.set, &SetSpec::name);
      if (set == spec.sets.end() || named.contains({old.set, old.key})) continue;
      if (old.key.size() != key_size(set->key) || old.data.size() != key_size(set->data)) {
        refuse(op, {.code = Errc::kUnsupported,
                    .what = name_of(old.set) + ": its elements do not fit into layout " +
                            std::to_string(spec.layout)});
        return false;
      }
      command({.kind = Command::Kind::kAddElement, .op = op, .element = old}, {op});
    }
    return true;
  }

  void add() {
    for (const Touched& one : touched_) {
      if (one.want == nullptr) continue;
      const Element* existing = have(one);
      if (existing != nullptr && same_element(*one.want, *existing)) continue;
      command({.kind = Command::Kind::kAddElement, .op = one.ops.back(), .element = *one.want}, one.ops);
    }
  }

  std::span<const Op> ops_;
  const Observed& observed_;
  std::vector<Touched> touched_;
  std::map<TableKey, std::size_t> fresh_;  // tables made by this transaction, and the op that asks for it
  Planned plan_;
};

}  // namespace

bool needs_replacement(const TableState& state, const TableSpec& spec) {
  return state.present && state.layout != 0 &&
         (state.layout < spec.layout || (state.layout == spec.layout && !state.complete));
}

bool same_element(const Element& want, const Element& have) {
  return want.data == have.data && stored_comment(want.comment) == have.comment;
}

Planned decide(std::span<const Op> ops, const Observed& observed) { return Decision(ops, observed).run(); }

const Element* element_of(const Op& op) {
  if (const auto* add = std::get_if<AddElement>(&op.action)) return &add->element;
  if (const auto* remove = std::get_if<RemoveElement>(&op.action)) return &remove->element;
  return nullptr;
}

ChainRef jumping_chain(const RemoveChain& removal) {
  return {.family = removal.chain.family, .table = removal.chain.table, .chain = removal.jumps_from};
}

std::optional<ChainRef> listed_chain(const Op& op) {
  if (const auto* chain = std::get_if<RemoveChain>(&op.action)) return jumping_chain(*chain);
  if (const auto* rules = std::get_if<RemoveRules>(&op.action)) return rules->chain;
  return std::nullopt;
}

bool is_foreign(const Op& op) { return listed_chain(op).has_value(); }

Error with_users(Error refusal, const RemoveChain& removal, std::span<const RuleState> rules) {
  constexpr std::size_t kNamed = 3;  // of what may be a rule per container
  const ChainRef& chain = removal.chain;
  const std::string table = std::string(to_string(chain.family)) + " " + chain.table;
  std::set<std::string> users;
  std::string commands;
  std::size_t count = 0;
  for (const RuleState& rule : rules) {
    if (rule.jumps_to != chain.chain || rule.chain == chain.chain || rule.chain == removal.jumps_from)
      continue;
    if (++count > kNamed) continue;
    users.insert(rule.chain);
    commands += (commands.empty() ? "nft delete rule " : "; nft delete rule ") + table + " " + rule.chain +
                " handle " + std::to_string(rule.handle);
  }
  if (count == 0) {  // an element of a verdict map, or gone again
    return std::move(refusal).with_remedy("nft list table " + table +
                                          " shows what refers to it; if nothing does, try again");
  }
  std::string names;
  for (const std::string& user : users) names += (names.empty() ? "" : ", ") + user;
  const std::string more = count > kNamed ? " and " + std::to_string(count - kNamed) + " more rules" : "";
  refusal.what += " (it is jumped to from chain " + names + more + ")";
  return std::move(refusal).with_remedy(std::move(commands));
}

std::string name_of(Family family, const std::string& table) {
  return std::string("table ") + to_string(family) + " " + table;
}

std::string name_of(const SetRef& set) { return "set " + set.set + " of " + name_of(set.family, set.table); }

std::string name_of(const ChainRef& chain) {
  return "chain " + chain.chain + " of " + name_of(chain.family, chain.table);
}

}  // namespace fairlead::nft
