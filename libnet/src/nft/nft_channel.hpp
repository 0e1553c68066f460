// Channel: nftables transactions in one namespace.
//
// The kernel makes two things expensive. A transaction that fails holds its sender for 12 to 15 ms (it
// waits for a grace period before it frees what it had built), so nothing here fails on purpose: what a
// change needs is asked for first, in one send, and only the difference is sent. And closing the socket
// after any delete takes 10 to 14 ms (nft_rcv_nl_event in net/netfilter/nf_tables_api.c waits for the
// destroy work), so `deleted()` tells the owner to hand the descriptor to a detached child instead.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "fairlead/op.hpp"
#include "nft/socket.hpp"

namespace fairlead::nft {

struct Observed;
struct Planned;
struct RuleState;
class Progress;

/// One netfilter socket, in the namespace of the thread that opened it. Not for use by several threads at
/// once, but any thread may use it. Safe against other writers, of this program or not: a transaction that
/// lost a race is decided anew from what is there then.
class Channel {
 public:
  [[nodiscard]] static Result<Channel> open();

  /// Carries out EnsureTable, AddElement, RemoveElement, RemoveChain and RemoveRules, in one transaction
  /// unless that exceeds the socket's buffer. Removing what is not there and adding what is there are
  /// successes without a message; an element that is there with other data or another comment is replaced.
  /// The outcome is alike for all ops of a transaction; the error is with the op that caused it. In a
  /// transaction that fails, an op that found things as it wants them is not done.
  ///
  /// RemoveChain and RemoveRules have a transaction of their own, after that of the others, since another
  /// program's business may stand against them: a chain that is jumped to from elsewhere stays (EBUSY), and
  /// the error names the rules.
  ///
  /// The replacement of a table (another layout, lost rules) is always one transaction: kExhausted when
  /// that, with the elements it carries over, exceeds the send buffer (8 MiB; without CAP_NET_ADMIN in the
  /// initial user namespace net.core.wmem_max).
  [[nodiscard]] std::vector<OpOutcome> apply(std::span<const Op> ops);

  /// For each element, whether its set holds it, with the same data and stored comment; false too if the
  /// table or the set is missing.
  [[nodiscard]] Result<std::vector<bool>> has_elements(std::span<const Element> elements);
  /// For each table, whether EnsureTable would leave it as it is; true for a newer layout of ours as well.
  [[nodiscard]] Result<std::vector<bool>> has_tables(std::span<const TableSpec> tables);
  /// All elements of a set; empty if the table or the set is missing.
  [[nodiscard]] Result<std::vector<Element>> elements(const SetRef& set);

  [[nodiscard]] int fd() const { return socket_.fd(); }
  /// True once a transaction with a delete was committed: closing fd() then blocks for 10 to 14 ms.
  [[nodiscard]] bool deleted() const { return deleted_; }

 private:
  explicit Channel(Socket socket) : socket_(std::move(socket)) {}

  struct Question;
  struct Commit;
  struct Attempt;
  /// The ops of one transaction.
  [[nodiscard]] std::vector<OpOutcome> transact(std::span<const Op> ops);
  /// Once from looking to committing.
  [[nodiscard]] Attempt attempt(std::span<const Op> ops, Progress& progress);
  [[nodiscard]] Result<void> ask(
      std::span<const Question> questions,
      const std::function<Result<void>(const Question&, const nlmsghdr*)>& on_object);
  [[nodiscard]] Result<Observed> observe(std::span<const Op> ops);
  [[nodiscard]] Result<Observed> observe_for_replacement(std::span<const Op> ops);
  [[nodiscard]] Result<void> list_rules(std::span<const Op> ops, Observed& observed);
  /// Of a whole table if the chain has no name.
  [[nodiscard]] Result<std::vector<RuleState>> rules(const ChainRef& chain);
  template <class Object, class Parse>
  [[nodiscard]] Result<std::vector<Object>> list(
      const std::string& what, const Parse& parse,
      const std::function<void(std::uint32_t, MessageBuffer*)>& query);
  [[nodiscard]] Result<std::uint32_t> generation();
  /// Sends the commands [first, last), in halves if they exceed the send buffer and replace no table.
  [[nodiscard]] Commit commit(const Planned& plan, std::size_t first, std::size_t last,
                              std::uint32_t generation);

  Socket socket_;
  bool deleted_ = false;
};

}  // namespace fairlead::nft
