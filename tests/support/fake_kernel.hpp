// FakeKernel: the Kernel interface on a FakeHost, with a record of what was asked and done, and with faults.
//
//   FakeHost host;
//   FakeKernel kernel(host, host.add_namespace());
//   kernel.fail(3, Fault::kAckLost);          // the fourth op from now on
//   EXPECT_FALSE(apply_plan(kernel, plan));
//   EXPECT_EQ(host.dump(), before);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/kernel.hpp"
#include "tests/support/fake_host.hpp"

namespace fairlead::test {

enum class Fault : std::uint8_t {
  kRefused,       ///< the op is refused; of its batch nothing behind it is carried out (it was sent alone)
  kRefusedAmong,  ///< the op is refused, the later ones of its rtnetlink batch are carried out
  kAckLost,       ///< the op and the later ones of its batch are carried out, no answer is read: kUnknown
};

/// One attachment's view of a FakeHost. Several may exist at a time; none is thread-safe.
class FakeKernel final : public Kernel {
 public:
  explicit FakeKernel(FakeHost& host, std::optional<FakeHost::Ns> container = std::nullopt)
      : host_(host), container_(container) {}

  /// The n-th op from now on (0: the next one) fails once, with EIO.
  void fail(std::size_t nth, Fault fault) { fault_ = {nth, fault}; }
  /// The n-th op from now on and all that follow fail.
  void fail_from(std::size_t nth, Fault fault) {
    fail(nth, fault);
    fault_repeats_ = true;
  }
  /// The n-th query from now on fails once, with EIO.
  void fail_query(std::size_t nth) { query_fault_ = nth; }
  /// Called before each query is answered.
  void on_query(std::function<void()> hook) { on_query_ = std::move(hook); }
  /// True until the fault has happened.
  [[nodiscard]] bool fault_is_pending() const { return fault_.has_value(); }

  /// Every query so far: "link host cni0", "addresses container eth0", "dump links host", ...
  [[nodiscard]] const std::vector<std::string>& queries() const { return queries_; }
  /// Every op that was carried out, whatever its outcome said.
  [[nodiscard]] const std::vector<Op>& carried_out() const { return carried_out_; }
  void clear_record() {
    queries_.clear();
    carried_out_.clear();
  }

  [[nodiscard]] bool has_container() const override { return container_.has_value(); }
  [[nodiscard]] Result<std::uint64_t> namespace_cookie(Side side) override;
  [[nodiscard]] Result<std::optional<LinkState>> find_link(Side side, const LinkName& name) override;
  [[nodiscard]] Result<std::optional<LinkState>> find_link(Side side, LinkIndex index) override;
  [[nodiscard]] Result<std::vector<LinkState>> links(Side side) override;
  [[nodiscard]] Result<std::vector<AddressState>> addresses(Side side, LinkIndex link) override;
  [[nodiscard]] Result<void> await_addresses(Side side, LinkIndex link,
                                             std::span<const IfaceAddress> addresses) override;
  [[nodiscard]] Result<std::vector<RouteSpec>> routes(Side side, const RouteFilter& filter) override;
  [[nodiscard]] Result<std::optional<std::string>> sysctl(Side side, const std::string& key) override;
  [[nodiscard]] Result<std::vector<bool>> has_elements(std::span<const nft::Element> elements) override;
  [[nodiscard]] Result<std::vector<bool>> has_tables(std::span<const nft::TableSpec> tables) override;
  [[nodiscard]] Result<std::vector<nft::Element>> elements(const nft::SetRef& set) override;
  [[nodiscard]] Result<bool> has_legacy_chain(IpFamily family, const std::string& table,
                                              const std::string& chain) override;
  /// A test failure (gtest) if the model contradicts itself afterwards.
  [[nodiscard]] std::vector<OpOutcome> apply(std::span<const Op> ops) override;

 private:
  /// Notes the query; the namespace, or why there is no answer.
  [[nodiscard]] Result<FakeHost::Ns> ask(Side side, const std::string& what);
  [[nodiscard]] Verdict carry_out(const Op& op);
  [[nodiscard]] std::optional<Fault> due_fault();
  /// All return false when the group failed.
  bool apply_one_by_one(std::span<const Op> group, std::span<OpOutcome> outcomes);
  bool apply_nft(std::span<const Op> group, std::span<OpOutcome> outcomes);
  bool apply_transaction(std::span<const Op> group, std::span<OpOutcome> outcomes);

  FakeHost& host_;
  std::optional<FakeHost::Ns> container_;
  std::optional<std::pair<std::size_t, Fault>> fault_{};
  bool fault_repeats_ = false;
  std::optional<std::size_t> query_fault_{};
  std::function<void()> on_query_{};
  std::vector<std::string> queries_{};
  std::vector<Op> carried_out_{};
};

}  // namespace fairlead::test
