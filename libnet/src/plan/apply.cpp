#include <algorithm>

#include "fairlead/deadline.hpp"
#include "fairlead/plan.hpp"
#include "plan/touch.hpp"

namespace fairlead {
namespace {

LinkSet deleted_links(const Plan& plan, const Plan& undo) {
  LinkSet gone;
  for (const Op& op : undo) {
    const auto* removal = std::get_if<DeleteLink>(&op.action);
    if (removal == nullptr) continue;
    gone.insert({op.side, removal->name.str()});
    for (const Op& made : plan) {
      const auto* creation = std::get_if<CreateLink>(&made.action);
      if (creation != nullptr && made.side == op.side && creation->spec.name == removal->name) {
        insert_with_peer(gone, op.side, creation->spec);
      }
    }
  }
  return gone;
}

/// Whether the error says that there is nothing to undo: it was not done, or somebody undid it before.
bool is_undone(const Op& op, const Error& error) {
  const bool gives_back = std::holds_alternative<AddAddress>(op.action);
  return error.code == Errc::kNotFound || (gives_back && error.code == Errc::kExists);
}

}  // namespace

Plan undo_of(const Plan& plan, const std::vector<OpOutcome>& outcomes) {
  Plan undo;
  for (std::size_t i = outcomes.empty() ? plan.size() : std::min(plan.size(), outcomes.size()); i-- > 0;) {
    if (!outcomes.empty() && outcomes[i].status == OpStatus::kNotDone) continue;
    if (auto back = inverse(plan[i])) undo.push_back(*std::move(back));
  }
  const LinkSet gone = deleted_links(plan, undo);
  std::erase_if(undo, [&](const Op& op) { return dies_with(op, gone); });
  return undo;
}

std::vector<Error> unwind(Kernel& kernel, const Plan& removals, Plan* left) {
  std::vector<Error> errors;
  const auto failed = [&](const Op& op, Error error) {
    errors.push_back(std::move(error));
    if (left != nullptr) left->push_back(op);
  };
  Plan open = removals;
  while (!open.empty()) {
    std::vector<OpOutcome> outcomes = kernel.apply(open);
    outcomes.resize(open.size());
    Plan unsent;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (outcomes[i].error) {
        if (!is_undone(open[i], *outcomes[i].error)) failed(open[i], *std::move(outcomes[i].error));
      } else if (outcomes[i].status == OpStatus::kNotDone) {
        unsent.push_back(open[i]);
      }
    }
    if (unsent.size() == open.size()) {  // neither an answer nor progress: never ask for ever
      failed(open.front(),
             {.code = Errc::kInternal, .what = describe(open.front()) + ": was not carried out"});
      if (left != nullptr) left->insert(left->end(), open.begin() + 1, open.end());
      break;
    }
    open = std::move(unsent);
  }
  return errors;
}

Result<void> carry_out(Kernel& kernel, const Plan& plan, Plan& undo) {
  if (plan.empty()) return {};
  const std::vector<OpOutcome> outcomes = kernel.apply(plan);
  const auto failed = std::find_if(outcomes.begin(), outcomes.end(),
                                   [](const OpOutcome& outcome) { return outcome.error.has_value(); });
  const bool all_done = outcomes.size() == plan.size() &&
                        std::all_of(outcomes.begin(), outcomes.end(), [](const OpOutcome& outcome) {
                          return outcome.status == OpStatus::kDone;
                        });
  if (all_done && failed == outcomes.end()) return {};
  // No outcome at all must not read as "all done" there.
  std::vector<OpOutcome> known = outcomes;
  known.resize(plan.size());
  undo = undo_of(plan, known);
  if (failed != outcomes.end()) return Unexpected(*failed->error);
  return Unexpected(Errc::kInternal, "the plan was not carried out, for no stated reason");
}

Result<void> apply_plan(Kernel& kernel, const Plan& plan, Plan* left) {
  Plan undo;
  Result<void> done = carry_out(kernel, plan, undo);
  if (done) return done;
  Error error = std::move(done).error();
  const Deadline::Pause late;
  for (Error& other : unwind(kernel, undo, left)) error.secondary.push_back(std::move(other));
  return Unexpected(std::move(error));
}

}  // namespace fairlead
