#include "base/words.hpp"
#include "plan/differ.hpp"
#include "plan/where.hpp"

namespace fairlead {
namespace {

Result<void> diff_sysctl(PlanDraft& draft, const Want& want, const WantSysctl& wanted,
                         const Observed::Sysctl& seen) {
  if (seen.value && same_words(*seen.value, wanted.value)) return {};
  SetSysctl change{.key = wanted.key, .value = wanted.value, .courtesy = wanted.courtesy};
  if (seen.value) {
    change.previous = *seen.value;
    draft.add(want, std::move(change), "is " + *seen.value + ", want " + wanted.value);
    return {};
  }
  // The files of a link that the plan creates appear with it.
  if (draft.born.contains({want.side, sysctl_link(wanted.key)})) {
    change.optional = wanted.optional;
    draft.add(want, std::move(change));
    return {};
  }
  if (wanted.optional || wanted.courtesy) return {};
  return Unexpected(Errc::kNotFound, "sysctl " + place(wanted.key, want.side) + " does not exist",
                    "load the kernel module that provides it");
}

// With an element to add, its transaction looks at every table anyway.
void diff_elements(PlanDraft& draft, const Want& want, const WantElements& wanted,
                   const Observed::Elements& seen) {
  Plan missing;
  for (std::size_t i = 0; i < wanted.elements.size(); ++i) {
    if (i < seen.present.size() && seen.present[i]) continue;
    missing.push_back(Op{.side = want.side, .action = AddElement{wanted.elements[i]}, .shared = want.shared});
  }
  for (std::size_t i = 0; i < wanted.tables.size(); ++i) {
    if (missing.empty() && i < seen.tables.size() && seen.tables[i]) continue;
    draft.plan.push_back(
        Op{.side = want.side,
           .action = EnsureTable{wanted.tables[i]},
           .shared = true,
           .reason = missing.empty() ? "missing, incomplete or of an older layout" : std::string()});
  }
  std::move(missing.begin(), missing.end(), std::back_inserter(draft.plan));
}

struct DiffOne {
  PlanDraft& draft;
  const Desired& desired;
  const Want& want;

  Result<void> operator()(const WantLink& wanted, const Observed::Link& seen) const {
    return diff_link(draft, want, wanted, seen);
  }
  Result<void> operator()(const WantAddress& wanted, const Observed::Addresses& seen) const {
    return diff_address(draft, desired, want, wanted, seen);
  }
  Result<void> operator()(const WantRoute& wanted, const Observed::Routes& seen) const {
    return diff_route(draft, want, wanted, seen);
  }
  Result<void> operator()(const WantSysctl& wanted, const Observed::Sysctl& seen) const {
    return diff_sysctl(draft, want, wanted, seen);
  }
  Result<void> operator()(const WantElements& wanted, const Observed::Elements& seen) const {
    diff_elements(draft, want, wanted, seen);
    return {};
  }
  template <class W, class S>
  Result<void> operator()(const W& /*wanted*/, const S& /*seen*/) const {
    return Unexpected(Errc::kInternal, "an observation of another kind than its want");
  }
};

}  // namespace

Unexpected link_missing(const std::string& name, Side side) {
  return {Errc::kNotFound, "link " + place(name, side) + " does not exist"};
}

Result<Plan> diff(const Desired& desired, const Observed& observed) {
  if (desired.size() != observed.items.size()) {
    return Unexpected(Errc::kInternal, "an observation that was made for another desired state");
  }
  PlanDraft draft;
  for (std::size_t i = 0; i < desired.size(); ++i) {
    FAIRLEAD_CHECK(std::visit(DiffOne{draft, desired, desired[i]}, desired[i].item, observed.items[i]));
  }
  return std::move(draft.plan);
}

}  // namespace fairlead
