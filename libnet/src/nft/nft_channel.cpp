#include "nft/nft_channel.hpp"

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <set>

#include "nft/decide.hpp"
#include "nft/encode.hpp"
#include "nft/progress.hpp"
#include "nft/reply.hpp"
#include "nft/retries.hpp"
#include "nft/values.hpp"

namespace fairlead::nft {
namespace {

/// Answers to this many queries fit into any receive buffer, also one of net.core.rmem_max.
constexpr std::size_t kQueriesPerSend = 64;
constexpr int kDumpTries = 16;

/// The chain whose absence means that the op has nothing to do, if another program made it.
std::optional<ChainRef> foreign_chain(const Op& op) {
  const auto* removal = std::get_if<RemoveChain>(&op.action);
  return removal != nullptr ? removal->chain : listed_chain(op);
}

/// Rules of the chain and jumps to it: what the kernel counts as its use.
std::uint32_t uses_of(const TableSpec& table, const std::string& chain) {
  std::uint32_t uses = 0;
  for (const RuleSpec& rule : table.rules) {
    uses += rule.chain == chain ? 1 : 0;
    for (const Expr& expr : rule.exprs) {
      const auto* verdict = std::get_if<Verdict>(&expr);
      uses += verdict != nullptr && verdict->chain == chain ? 1 : 0;
    }
  }
  return uses;
}

bool replaces(const Command& step) { return step.kind == Command::Kind::kReplaceTable; }

/// A replacement exceeds the send buffer. In parts it would not be atomic: whatever ends this process in
/// between, the elements of the parts behind are lost for good.
Error too_large(const Command& replacement, std::size_t size) {
  return Error{.code = Errc::kExhausted,
               .what = "replace " + name_of(replacement.table->family, replacement.table->name) +
                       ": the transaction with its elements has " + std::to_string(size) +
                       " bytes and exceeds the socket's send buffer",
               .remedy = "sysctl net.core.wmem_max=" + std::to_string(size),
               .kernel = KernelDetail{.err = EMSGSIZE, .message = {}, .attribute = {}}};
}

}  // namespace

/// One object to ask for: an element, a chain, or a table. A chain is one of `table`, or another program's.
struct Channel::Question {
  const TableSpec* table = nullptr;
  std::optional<ChainRef> chain{};
  const Element* element = nullptr;

  void encode(std::uint32_t sequence, MessageBuffer* buffer) const {
    if (element != nullptr) return query_element(*element, sequence, buffer);
    if (chain) return query_chain(*chain, sequence, buffer);
    query_table(*table, sequence, buffer);
  }
  std::string describe() const {
    if (element != nullptr) return "look for an element in " + name_of(element->set);
    return "look for " + (chain ? name_of(*chain) : name_of(table->family, table->name));
  }
};

/// How one attempt ended.
struct Channel::Attempt {
  int err = 0;  ///< errno of a lost race, which a new attempt may win; 0: this is final
  std::optional<std::pair<std::size_t, Error>> failure{};  ///< the op, and why
};

/// How far a transaction, or the parts of a split one, came.
struct Channel::Commit {
  std::size_t committed = 0;  ///< commands from the start of the plan
  OpStatus rest = OpStatus::kNotDone;
  int err = 0;  ///< the kernel's errno, 0 also for failures that are not the kernel's
  std::optional<std::pair<std::size_t, Error>> failure{};  ///< the command, and why
};

Result<Channel> Channel::open() {
  FAIRLEAD_TRY(Socket socket, Socket::open());
  return Channel(std::move(socket));
}

std::vector<OpOutcome> Channel::apply(std::span<const Op> ops) {
  std::vector<OpOutcome> outcomes(ops.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    outcomes[i].error = malformed(ops[i]);
    if (outcomes[i].error) return outcomes;
  }
  std::vector<std::size_t> order(ops.size());  // ours, then what other programs made
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto foreign =
      std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return !is_foreign(ops[i]); });
  const auto ours = static_cast<std::size_t>(foreign - order.begin());
  if (ours == 0 || ours == ops.size()) return transact(ops);
  const std::span<const std::size_t> places(order);
  for (const auto& part : {places.first(ours), places.subspan(ours)}) {
    std::vector<Op> chosen;
    for (const std::size_t i : part) chosen.push_back(ops[i]);
    std::vector<OpOutcome> answers = transact(chosen);
    const bool failed =
        std::ranges::any_of(answers, [](const OpOutcome& answer) { return answer.error.has_value(); });
    for (std::size_t i = 0; i < part.size(); ++i) outcomes[part[i]] = std::move(answers[i]);
    if (failed) break;
  }
  return outcomes;
}

std::vector<OpOutcome> Channel::transact(std::span<const Op> ops) {
  std::vector<OpOutcome> outcomes(ops.size());
  Progress progress(ops.size());
  Retries retries;
  Attempt last = attempt(ops, progress);
  while (last.err != 0 && retries.allow(last.err)) last = attempt(ops, progress);
  for (std::size_t i = 0; i < ops.size(); ++i) outcomes[i].status = progress.statuses()[i];
  if (last.failure && last.failure->first < ops.size()) {
    outcomes[last.failure->first].error = std::move(last.failure->second);
  }
  return outcomes;
}

Channel::Attempt Channel::attempt(std::span<const Op> ops, Progress& progress) {
  auto observed = observe(ops);
  if (!observed) return {.failure = {{0, std::move(observed).error()}}};
  Planned plan = decide(ops, *observed);
  if (!plan.refused && std::ranges::any_of(plan.commands, replaces)) {
    observed = observe_for_replacement(ops);
    if (!observed) return {.failure = {{0, std::move(observed).error()}}};
    plan = decide(ops, *observed);
  }
  if (plan.refused) return {.failure = std::move(plan.refused)};

  Commit result{};
  if (!plan.commands.empty()) result = commit(plan, 0, plan.commands.size(), observed->generation);
  progress.record(plan, result.committed, result.rest);
  if (!result.failure) return {};
  auto& [command, error] = *result.failure;
  if (plan.commands[command].kind == Command::Kind::kRemoveChain && error.code == Errc::kBusy) {
    const auto& removal = std::get<RemoveChain>(ops[plan.commands[command].op].action);
    const auto all = rules({.family = removal.chain.family, .table = removal.chain.table, .chain = {}});
    if (all) error = with_users(std::move(error), removal, *all);
  }
  return {.err = result.err, .failure = {{plan.commands[command].op, std::move(error)}}};
}

Channel::Commit Channel::commit(const Planned& plan, std::size_t first, std::size_t last,
                                std::uint32_t generation) {
  const auto commands = std::span(plan.commands).subspan(first, last - first);
  Transaction transaction;
  const std::uint32_t begin = socket_.next_sequence();
  begin_batch(generation, begin, &transaction.buffer);
  for (std::size_t i = 0; i < commands.size(); ++i)
    encode_command(commands[i], first + i, begin + 1, &transaction);
  transaction.buffer.acknowledge_last();
  const auto messages = static_cast<std::uint32_t>(transaction.infos.size());
  end_batch(begin + messages + 1, &transaction.buffer);
  socket_.take_sequences(messages + 2);

  if (auto sent = socket_.send(transaction.buffer.bytes()); !sent) {
    if (sent.error().kernel->err == EMSGSIZE && commands.size() > 1) {
      if (const auto step = std::ranges::find_if(plan.commands, replaces); step != plan.commands.end()) {
        const auto at = static_cast<std::size_t>(step - plan.commands.begin());
        return {.committed = first, .failure = {{at, too_large(*step, transaction.buffer.bytes().size())}}};
      }
      const std::size_t middle = first + commands.size() / 2;
      Commit half = commit(plan, first, middle, generation);
      return half.failure ? half : commit(plan, middle, last, 0);
    }
    return {.committed = first, .failure = {{first, std::move(sent).error()}}};
  }

  bool acknowledged = false;
  std::optional<Ack> refusal;
  const auto read = socket_.receive_all(
      {.object = {}, .ack = [&](const Ack& ack) {
         if (ack.seq - begin > messages + 1) return;
         if (ack.err == 0) {
           acknowledged = ack.seq == begin + messages;
         } else if (!refusal || refusal->seq == begin) {
           refusal = ack;  // the first message that was refused; the whole batch only if no message was
         }
       }});
  if (refusal) {
    const std::uint32_t index = std::clamp(refusal->seq - begin, 1U, messages) - 1;
    const MessageInfo& info = transaction.infos[index];
    const nlmsghdr* request = refusal->seq == begin ? nullptr : transaction.buffer.message(index + 1);
    Error error = error_of(*refusal, nft::describe(info), request);
    const bool may_pass = error.code != Errc::kUnsupported;  // ENOENT of a module is no lost race
    return {.committed = first,
            .err = may_pass ? refusal->err : 0,
            .failure = {{info.command, std::move(error)}}};
  }
  if (!acknowledged) {
    Error error = read ? Error{.code = Errc::kIo, .what = "commit to nf_tables: no answer"} : read.error();
    return {.committed = first, .rest = OpStatus::kUnknown, .failure = {{first, std::move(error)}}};
  }
  deleted_ = deleted_ || std::ranges::any_of(commands, [](const Command& step) {
               return step.kind != Command::Kind::kAddElement && step.kind != Command::Kind::kCreateTable;
             });
  return {.committed = last};
}

Result<void> Channel::ask(std::span<const Question> questions,
                          const std::function<Result<void>(const Question&, const nlmsghdr*)>& on_object) {
  for (std::size_t first = 0; first < questions.size(); first += kQueriesPerSend) {
    const auto part = questions.subspan(first, std::min(kQueriesPerSend, questions.size() - first));
    const std::uint32_t begin = socket_.next_sequence();
    MessageBuffer buffer;
    for (std::size_t i = 0; i < part.size(); ++i)
      part[i].encode(begin + static_cast<std::uint32_t>(i), &buffer);
    socket_.take_sequences(static_cast<std::uint32_t>(part.size()));
    FAIRLEAD_CHECK(socket_.send(buffer.bytes()));

    std::size_t answered = 0;
    std::optional<Error> failure;
    FAIRLEAD_CHECK(socket_.receive_all({.object = [&](const nlmsghdr* message) -> Result<void> {
                                          const std::uint32_t index = message->nlmsg_seq - begin;
                                          if (index >= part.size()) return {};
                                          ++answered;
                                          return on_object(part[index], message);
                                        },
                                        .ack =
                                            [&](const Ack& ack) {
                                              const std::uint32_t index = ack.seq - begin;
                                              if (index >= part.size()) return;
                                              ++answered;
                                              if (ack.err == 0 || ack.err == ENOENT || failure) return;
                                              failure = error_of(ack, part[index].describe(),
                                                                 buffer.message(index));
                                            }}));
    if (failure) return Unexpected(*std::move(failure));
    if (answered < part.size()) return Unexpected(Errc::kIo, part.front().describe() + ": no answer");
  }
  return {};
}

Result<Observed> Channel::observe(std::span<const Op> ops) {
  struct Parts {
    const TableSpec* spec;
    TableReply reply{};
    std::size_t chains_missing = 0;
  };
  Observed observed;
  std::map<TableKey, Parts> parts;
  std::vector<Question> questions;
  std::set<std::pair<SetRef, Bytes>> asked;
  for (const Op& op : ops) {
    if (const Element* element = element_of(op)) {
      if (asked.insert({element->set, element->key}).second) questions.push_back({.element = element});
    } else if (const auto* ensure = std::get_if<EnsureTable>(&op.action)) {
      const TableSpec& spec = ensure->table;
      if (!parts.try_emplace({spec.family, spec.name}, Parts{.spec = &spec}).second) continue;
      observed.tables[{spec.family, spec.name}] = {};
      questions.push_back({.table = &spec});
      for (const ChainSpec& chain : spec.chains) {
        questions.push_back({.table = &spec, .chain = ChainRef{spec.family, spec.name, chain.name}});
      }
      parts.at({spec.family, spec.name}).chains_missing = spec.chains.size();
    } else if (const std::optional<ChainRef> foreign = foreign_chain(op)) {
      questions.push_back({.chain = foreign});
    }
  }
  FAIRLEAD_CHECK(ask(questions, [&](const Question& question, const nlmsghdr* message) -> Result<void> {
    if (question.element != nullptr) {
      FAIRLEAD_TRY(auto found, parse_elements(question.element->set, message));
      for (Element& element : found) {
        if (element.key != question.element->key) continue;
        observed.elements.insert_or_assign({element.set, element.key}, std::move(element));
      }
      return {};
    }
    if (question.table == nullptr) {
      observed.chains.try_emplace(*question.chain);
      return {};
    }
    const TableKey key(question.table->family, question.table->name);
    if (question.chain) {
      FAIRLEAD_TRY(const std::uint32_t use, parse_chain_use(message));
      if (use >= uses_of(*question.table, question.chain->chain)) --parts.at(key).chains_missing;
    } else {
      FAIRLEAD_TRY(TableReply reply, parse_table(message));
      observed.tables[key] = {.present = true, .layout = layout_of(question.table->name, reply.comment)};
      parts.at(key).reply = std::move(reply);
    }
    return {};
  }));
  for (const auto& [key, part] : parts) {
    observed.tables[key].complete =
        part.chains_missing == 0 && part.reply.use >= part.spec->chains.size() + part.spec->sets.size();
  }
  FAIRLEAD_CHECK(list_rules(ops, observed));
  return observed;
}

/// Of chains that other programs made and that are to lose rules. Where the chain that a jump leads to is
/// missing so are the jumps.
Result<void> Channel::list_rules(std::span<const Op> ops, Observed& observed) {
  std::set<ChainRef> listed;
  for (const Op& op : ops) {
    const std::optional<ChainRef> foreign = foreign_chain(op);
    if (!foreign || !observed.chains.contains(*foreign)) continue;
    const ChainRef chain = *listed_chain(op);
    if (!listed.insert(chain).second) continue;
    FAIRLEAD_TRY(observed.chains[chain], rules(chain));
  }
  return {};
}

Result<Observed> Channel::observe_for_replacement(std::span<const Op> ops) {
  // With the generation from before the first look, the kernel refuses the transaction (ERESTART) if
  // anything changed since, so no element that another process adds meanwhile gets lost.
  FAIRLEAD_TRY(const std::uint32_t before, generation());
  FAIRLEAD_TRY(Observed observed, observe(ops));
  observed.generation = before;
  std::set<TableKey> done;
  for (const Op& op : ops) {
    const auto* ensure = std::get_if<EnsureTable>(&op.action);
    if (ensure == nullptr) continue;
    const TableSpec& spec = ensure->table;
    const TableKey key(spec.family, spec.name);
    if (!needs_replacement(observed.tables.at(key), spec) || !done.insert(key).second) continue;
    for (const SetSpec& set : spec.sets) {
      FAIRLEAD_TRY(std::vector<Element> old,
                   elements({.family = spec.family, .table = spec.name, .set = set.name}));
      std::ranges::move(old, std::back_inserter(observed.old_elements));
    }
  }
  return observed;
}

Result<std::uint32_t> Channel::generation() {
  MessageBuffer buffer;
  const std::uint32_t sequence = socket_.next_sequence();
  query_generation(sequence, &buffer);
  socket_.take_sequences(1);
  FAIRLEAD_CHECK(socket_.send(buffer.bytes()));
  std::optional<std::uint32_t> number;
  std::optional<Error> failure;
  FAIRLEAD_CHECK(socket_.receive_all({.object = [&](const nlmsghdr* message) -> Result<void> {
                                        if (message->nlmsg_seq != sequence) return {};
                                        FAIRLEAD_TRY(number, parse_generation(message));
                                        return {};
                                      },
                                      .ack =
                                          [&](const Ack& ack) {
                                            if (ack.seq == sequence && ack.err != 0)
                                              failure =
                                                  error_of(ack, "read the ruleset's generation", nullptr);
                                          }}));
  if (failure) return Unexpected(*std::move(failure));
  if (!number) return Unexpected(Errc::kIo, "read the ruleset's generation: no answer");
  return *number;
}

Result<std::vector<bool>> Channel::has_elements(std::span<const Element> elements) {
  std::vector<Question> questions;
  questions.reserve(elements.size());
  for (const Element& element : elements) {
    if (auto error = malformed(element)) return Unexpected(*std::move(error));
    questions.push_back({.element = &element});
  }
  std::vector<bool> found(elements.size(), false);
  FAIRLEAD_CHECK(ask(questions, [&](const Question& question, const nlmsghdr* message) -> Result<void> {
    const auto index = static_cast<std::size_t>(question.element - elements.data());
    FAIRLEAD_TRY(const std::vector<Element> answer, parse_elements(question.element->set, message));
    for (const Element& have : answer) {
      if (have.key == question.element->key) found[index] = same_element(*question.element, have);
    }
    return {};
  }));
  return found;
}

Result<std::vector<bool>> Channel::has_tables(std::span<const TableSpec> tables) {
  std::vector<Op> ops;
  for (const TableSpec& table : tables) {
    if (auto error = malformed(table)) return Unexpected(*std::move(error));
    ops.push_back({.action = EnsureTable{table}});
  }
  FAIRLEAD_TRY(const Observed observed, observe(ops));
  std::vector<bool> found;
  for (const TableSpec& table : tables) {
    const TableState& state = observed.tables.at({table.family, table.name});
    found.push_back(state.present && state.layout != 0 && !needs_replacement(state, table));
  }
  return found;
}

/// A dump that a change interrupted is begun anew, for `found` as well. A missing object has nothing to list.
template <class Object, class Parse>
Result<std::vector<Object>> Channel::list(const std::string& what, const Parse& parse,
                                          const std::function<void(std::uint32_t, MessageBuffer*)>& query) {
  for (int tries = 1;; ++tries) {
    MessageBuffer buffer;
    const std::uint32_t sequence = socket_.next_sequence();
    query(sequence, &buffer);
    socket_.take_sequences(1);
    FAIRLEAD_CHECK(socket_.send(buffer.bytes()));
    std::vector<Object> found;
    const auto read = socket_.receive_dump(
        sequence, {.object = [&](const nlmsghdr* message) -> Result<void> { return parse(message, found); },
                   .ack = {}});
    if (read) return found;
    if (read.error().code == Errc::kNotFound) return std::vector<Object>{};
    if (read.error().code != Errc::kInterrupted || tries == kDumpTries) {
      return Unexpected(Error(read.error()).with_context("list " + what));
    }
  }
}

Result<std::vector<Element>> Channel::elements(const SetRef& set) {
  if (auto error = malformed(set)) return Unexpected(*std::move(error));
  const auto parse = [&](const nlmsghdr* message, std::vector<Element>& found) -> Result<void> {
    FAIRLEAD_TRY(auto part, parse_elements(set, message));
    std::ranges::move(part, std::back_inserter(found));
    return {};
  };
  return list<Element>(name_of(set), parse, [&](std::uint32_t sequence, MessageBuffer* buffer) {
    query_elements(set, sequence, buffer);
  });
}

Result<std::vector<RuleState>> Channel::rules(const ChainRef& chain) {
  const auto parse = [](const nlmsghdr* message, std::vector<RuleState>& found) -> Result<void> {
    FAIRLEAD_TRY(found.emplace_back(), parse_rule(message));
    return {};
  };
  return list<RuleState>(
      "the rules of " + (chain.chain.empty() ? name_of(chain.family, chain.table) : name_of(chain)), parse,
      [&](std::uint32_t sequence, MessageBuffer* buffer) { query_rules(chain, sequence, buffer); });
}

}  // namespace fairlead::nft
