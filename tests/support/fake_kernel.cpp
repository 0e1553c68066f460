#include "tests/support/fake_kernel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "fairlead/deadline.hpp"

namespace fairlead::test {
namespace {

constexpr std::uint32_t kTableMain = 254;

// In the form of the real one: operation, object, errno, the kernel's words.
Error error_of(const Op& op, const Refusal& refusal) {
  Error error = error_from_errno(refusal.err, describe(op));
  if (!refusal.text.empty()) {
    error.what = describe(op) + ": " + errno_name(refusal.err) + ": " + refusal.text;
    error.kernel->message = refusal.text;
  }
  return error;
}

Error injected(const Op& op) { return error_from_errno(EIO, describe(op)); }

std::string where(Side side) { return std::string(" ") + to_string(side) + " "; }

}  // namespace

Result<FakeHost::Ns> FakeKernel::ask(Side side, const std::string& what) {
  queries_.push_back(what);
  if (on_query_) on_query_();
  if (query_fault_) {
    if (*query_fault_ == 0) {
      query_fault_.reset();
      return Unexpected(error_from_errno(EIO, "query " + what));
    }
    --*query_fault_;
  }
  if (side == Side::kHost) return FakeHost::kHostNs;
  if (!container_) return Unexpected(Errc::kNotFound, "there is no container namespace");
  return *container_;
}

Result<std::uint64_t> FakeKernel::namespace_cookie(Side side) {
  FAIRLEAD_TRY(const auto ns, ask(side, "cookie" + where(side)));
  return host_.at(ns).cookie;
}

Result<std::optional<LinkState>> FakeKernel::find_link(Side side, const LinkName& name) {
  FAIRLEAD_TRY(const auto ns, ask(side, "link" + where(side) + name.str()));
  const FakeLink* link = host_.at(ns).find(name.str());
  return link == nullptr ? std::optional<LinkState>() : host_.observed(ns, *link);
}

Result<std::optional<LinkState>> FakeKernel::find_link(Side side, LinkIndex index) {
  FAIRLEAD_TRY(const auto ns, ask(side, "link" + where(side) + "#" + std::to_string(index.value)));
  const FakeLink* link = host_.at(ns).find(index);
  return link == nullptr ? std::optional<LinkState>() : host_.observed(ns, *link);
}

Result<std::vector<LinkState>> FakeKernel::links(Side side) {
  FAIRLEAD_TRY(const auto ns, ask(side, "dump links" + where(side)));
  std::vector<LinkState> list;
  for (const auto& [index, link] : host_.at(ns).links) list.push_back(host_.observed(ns, link));
  return list;
}

Result<std::vector<AddressState>> FakeKernel::addresses(Side side, LinkIndex index) {
  FAIRLEAD_TRY(const auto ns, ask(side, "addresses" + where(side) + "#" + std::to_string(index.value)));
  const FakeLink* link = host_.at(ns).find(index);
  if (link == nullptr)
    return Unexpected(error_from_errno(ENODEV, "list the addresses of link " + std::to_string(index.value)));
  return link->addresses;
}

Result<void> FakeKernel::await_addresses(Side side, LinkIndex index,
                                         std::span<const IfaceAddress> addresses) {
  FAIRLEAD_TRY(const auto ns,
               ask(side, "settled addresses" + where(side) + "#" + std::to_string(index.value)));
  host_.detect_duplicates(ns, index);
  const FakeLink* link = host_.at(ns).find(index);
  for (const IfaceAddress& address : addresses) {
    const AddressState* state = nullptr;
    if (link != nullptr) {
      for (const AddressState& is : link->addresses) state = is.address == address ? &is : state;
    }
    if (state == nullptr) return Unexpected(Errc::kNotFound, address.to_string() + ": it is not there");
    if (state->dad_failed) return Unexpected(Errc::kBusy, address.to_string() + ": it is a duplicate");
    if (state->tentative) return Unexpected(Errc::kTimeout, address.to_string() + ": it stays tentative");
  }
  return {};
}

Result<std::vector<RouteSpec>> FakeKernel::routes(Side side, const RouteFilter& filter) {
  const std::string what = std::string(filter.family == IpFamily::kV4 ? "v4" : "v6") +
                           (filter.link ? " #" + std::to_string(filter.link->value) : " every link");
  FAIRLEAD_TRY(const auto ns, ask(side, "routes" + where(side) + what));
  std::vector<RouteSpec> list = host_.all_routes(ns);
  std::erase_if(list, [&](const RouteSpec& route) {
    if (route.destination.family() != filter.family) return true;
    if (!filter.all_tables && route.table != filter.table.value_or(kTableMain)) return true;
    return filter.link && std::none_of(route.hops.begin(), route.hops.end(),
                                       [&](const NextHop& hop) { return hop.index == filter.link; });
  });
  return list;
}

Result<std::optional<std::string>> FakeKernel::sysctl(Side side, const std::string& key) {
  FAIRLEAD_TRY(const auto ns, ask(side, "sysctl" + where(side) + key));
  if (key.find('/') == std::string::npos) return Unexpected(Errc::kInvalid, "sysctl " + key + ": no path");
  const auto& all = host_.at(ns).sysctls;
  const auto it = all.find(key);
  return it == all.end() ? std::optional<std::string>() : it->second;
}

Result<std::vector<bool>> FakeKernel::has_elements(std::span<const nft::Element> elements) {
  FAIRLEAD_CHECK(ask(Side::kHost, "elements by key"));
  std::vector<bool> present;
  for (const nft::Element& element : elements) {
    const nft::Element* have = host_.element(element);
    present.push_back(have != nullptr && have->data == element.data &&
                      have->comment == nft::stored_comment(element.comment));
  }
  return present;
}

Result<std::vector<bool>> FakeKernel::has_tables(std::span<const nft::TableSpec> tables) {
  FAIRLEAD_CHECK(ask(Side::kHost, "tables by name"));
  std::vector<bool> present;
  for (const nft::TableSpec& table : tables) present.push_back(host_.has_table(table));
  return present;
}

Result<std::vector<nft::Element>> FakeKernel::elements(const nft::SetRef& set) {
  FAIRLEAD_CHECK(ask(Side::kHost, "dump elements of " + set.set));
  return host_.elements(set);
}

Result<bool> FakeKernel::has_legacy_chain(IpFamily family, const std::string& table,
                                          const std::string& chain) {
  FAIRLEAD_CHECK(ask(Side::kHost, "legacy chain " + chain));
  return host_.has_legacy_chain(family, table, chain);
}

Verdict FakeKernel::carry_out(const Op& op) {
  if (op.side == Side::kContainer && !container_) return Refusal{ENOENT, "there is no container namespace"};
  const auto ns_of = [&](Side side) { return side == Side::kHost ? FakeHost::kHostNs : *container_; };
  const FakeHost::Ns ns = ns_of(op.side);
  struct CarryOut {
    FakeHost& host;
    FakeHost::Ns ns;
    FakeHost::Ns peer_ns;
    Verdict operator()(const CreateLink& a) const { return host.create_link(ns, a.spec, peer_ns); }
    Verdict operator()(const ChangeLink& a) const { return host.change_link(ns, a.spec); }
    Verdict operator()(const DeleteLink& a) const { return host.delete_link(ns, a.name.str()); }
    Verdict operator()(const AwaitOperational& a) const { return host.await_operational(ns, a.link.str()); }
    Verdict operator()(const AddAddress& a) const { return host.add_address(ns, a.link.str(), a.address); }
    Verdict operator()(const RemoveAddress& a) const {
      return host.remove_address(ns, a.link.str(), a.address);
    }
    Verdict operator()(const AddRoute& a) const { return host.add_route(ns, a.route); }
    Verdict operator()(const RemoveRoute& a) const { return host.remove_route(ns, a.route); }
    Verdict operator()(const SetSysctl& a) const {
      Verdict verdict = host.set_sysctl(ns, a.key, a.value);
      return a.courtesy || (a.optional && verdict && verdict->err == ENOENT) ? Verdict() : verdict;
    }
    Verdict operator()(const EnsureTable& a) const { return host.ensure_table(a.table); }
    Verdict operator()(const AddElement& a) const {
      nft::Element stored = a.element;
      stored.comment = nft::stored_comment(stored.comment);
      return host.add_element(stored);
    }
    Verdict operator()(const RemoveElement& a) const { return host.remove_element(a.element); }
    Verdict operator()(const RemoveChain& a) const { return host.remove_chain(a.chain, a.jumps_from); }
    Verdict operator()(const RemoveRules& a) const { return host.remove_rules(a.chain, a.comment_prefix); }
  };
  FakeHost::Ns peer_ns = ns;
  if (const auto* creation = std::get_if<CreateLink>(&op.action)) {
    if (const auto* veth = std::get_if<VethLink>(&creation->spec.kind)) {
      if (veth->peer.side == Side::kContainer && !container_)
        return Refusal{ENOENT, "there is no container namespace"};
      peer_ns = ns_of(veth->peer.side);
    }
  }
  auto refused = std::visit(CarryOut{host_, ns, peer_ns}, op.action);
  if (!refused) carried_out_.push_back(op);
  return refused;
}

std::optional<Fault> FakeKernel::due_fault() {
  if (!fault_) return std::nullopt;
  if (fault_->first > 0) {
    --fault_->first;
    return std::nullopt;
  }
  const Fault fault = fault_->second;
  if (fault_repeats_) {
    fault_->first = 0;
  } else {
    fault_.reset();
  }
  return fault;
}

bool FakeKernel::apply_one_by_one(std::span<const Op> group, std::span<OpOutcome> outcomes) {
  const Channel channel = channel_of(group.front());
  const bool batch = channel == Channel::kHostRtnetlink || channel == Channel::kContainerRtnetlink;
  bool good = true;
  bool answers_lost = false;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto fault = due_fault();
    if (fault == Fault::kRefused || fault == Fault::kRefusedAmong) {
      outcomes[i].error = injected(group[i]);
      good = false;
      if (fault == Fault::kRefused || !batch) return false;
      continue;
    }
    const auto refused = carry_out(group[i]);
    if (fault == Fault::kAckLost) {
      answers_lost = true;
      good = false;
      outcomes[i].error = injected(group[i]);
    }
    if (answers_lost) {
      outcomes[i].status = OpStatus::kUnknown;
      if (!batch) return false;
    } else if (refused) {
      outcomes[i].error = error_of(group[i], *refused);
      good = false;
      if (!batch) return false;
    } else {
      outcomes[i].status = OpStatus::kDone;
    }
  }
  return good;
}

bool FakeKernel::apply_nft(std::span<const Op> group, std::span<OpOutcome> outcomes) {
  for (const bool foreign : {false, true}) {
    std::vector<std::size_t> places;
    std::vector<Op> ops;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const Action& action = group[i].action;
      if ((std::holds_alternative<RemoveChain>(action) || std::holds_alternative<RemoveRules>(action)) !=
          foreign)
        continue;
      places.push_back(i);
      ops.push_back(group[i]);
    }
    std::vector<OpOutcome> answers(ops.size());
    const bool good = apply_transaction(ops, answers);
    for (std::size_t i = 0; i < places.size(); ++i) outcomes[places[i]] = std::move(answers[i]);
    if (!good) return false;
  }
  return true;
}

bool FakeKernel::apply_transaction(std::span<const Op> group, std::span<OpOutcome> outcomes) {
  const FakeHost before = host_;
  const std::size_t done_before = carried_out_.size();
  std::optional<std::size_t> lost;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto fault = due_fault();
    if (fault == Fault::kAckLost) lost = i;
    const bool injected_refusal = fault && fault != Fault::kAckLost;
    const Verdict refused = injected_refusal ? Verdict() : carry_out(group[i]);
    if (!injected_refusal && !refused) continue;
    host_ = before;
    carried_out_.erase(carried_out_.begin() + static_cast<std::ptrdiff_t>(done_before), carried_out_.end());
    outcomes[i].error = injected_refusal ? injected(group[i]) : error_of(group[i], *refused);
    return false;
  }
  for (OpOutcome& outcome : outcomes) outcome.status = lost ? OpStatus::kUnknown : OpStatus::kDone;
  if (lost) outcomes[*lost].error = injected(group[*lost]);
  return !lost;
}

std::vector<OpOutcome> FakeKernel::apply(std::span<const Op> ops) {
  std::vector<OpOutcome> outcomes(ops.size());
  for (std::size_t first = 0; first < ops.size();) {
    const Channel channel = channel_of(ops[first]);
    std::size_t end = first + 1;
    while (end < ops.size() && channel_of(ops[end]) == channel) ++end;
    const auto group = ops.subspan(first, end - first);
    const auto answers = std::span(outcomes).subspan(first, end - first);
    if (Deadline::passed()) {
      answers.front().error = {.code = Errc::kTimeout,
                               .what = describe(group.front()) + ": the deadline has passed"};
      break;
    }
    const bool good = channel == Channel::kNft ? apply_nft(group, answers) : apply_one_by_one(group, answers);
    if (!good) break;
    first = end;
  }
  for (const std::string& contradiction : host_.contradictions())
    ADD_FAILURE() << "FakeHost: " << contradiction;
  return outcomes;
}

}  // namespace fairlead::test
