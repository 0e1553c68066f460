// The parts of diff(): one function per kind of want, each pure.
#pragma once

#include "fairlead/plan.hpp"
#include "plan/touch.hpp"

namespace fairlead {

/// The plan so far, and what its ops make: an observation of something that is not there yet is no news.
struct PlanDraft {
  Plan plan{};
  LinkSet born{};  ///< links that the plan creates, with their peers

  void add(const Want& want, Action action, std::string reason = {}) {
    plan.push_back(Op{
        .side = want.side, .action = std::move(action), .shared = want.shared, .reason = std::move(reason)});
  }
};

[[nodiscard]] Result<void> diff_link(PlanDraft& draft, const Want& want, const WantLink& wanted,
                                     const Observed::Link& seen);
/// `desired` tells which other addresses are wanted on the same link.
[[nodiscard]] Result<void> diff_address(PlanDraft& draft, const Desired& desired, const Want& want,
                                        const WantAddress& wanted, const Observed::Addresses& seen);
[[nodiscard]] Result<void> diff_route(PlanDraft& draft, const Want& want, const WantRoute& wanted,
                                      const Observed::Routes& seen);

/// kNotFound: something is wanted on a link that neither exists nor is made by the plan.
[[nodiscard]] Unexpected link_missing(const std::string& name, Side side);

}  // namespace fairlead
