#include "cli/runtime/gc_plan.hpp"

#include <algorithm>

namespace fairlead::cli {
namespace {

bool holds(const std::vector<cni::AttachmentId>& ids, const cni::AttachmentId& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void decide(const KnownAttachment& known, Unnamed unnamed, GcPlan& plan) {
  const std::string name = known.id.container_id + "/" + known.id.ifname;
  const bool named = holds(plan.valid, known.id);
  const bool kept = named || (known.life != Life::kGone && unnamed == Unnamed::kKeepUnlessGone);
  plan.lines += (kept ? "keep    " : "remove  ") + name + "  " + (named ? "named" : known.reason) +
                (known.netns.empty() ? "" : "  " + known.netns) + "\n";
  if (!kept) plan.gone.push_back(known);
  if (!kept || named) return;
  plan.valid.push_back(known.id);
  if (known.life != Life::kUnknown) return;
  plan.notes.push_back("note: kept " + name + ": " + known.reason + "; --keep-none removes it");
}

/// What is gone from a mark is gone from the attachment: a DEL that got half-way makes no new one.
bool is_newer(const AttachmentMark& later, const AttachmentMark& first) {
  return (later.cookie != 0 && later.cookie != first.cookie) ||
         (later.cached_at && later.cached_at != first.cached_at);
}

}  // namespace

GcPlan plan_gc(const std::vector<KnownAttachment>& known, const std::vector<cni::AttachmentId>& named,
               Unnamed unnamed) {
  GcPlan plan{.valid = named};
  for (const KnownAttachment& attachment : known) decide(attachment, unnamed, plan);
  return plan;
}

std::vector<cni::AttachmentId> still_gone(const GcPlan& first, const GcPlan& later) {
  std::vector<cni::AttachmentId> ids;
  for (const KnownAttachment& now : later.gone) {
    const bool was_gone = std::any_of(first.gone.begin(), first.gone.end(), [&](const KnownAttachment& then) {
      return then.id == now.id && !is_newer(now.mark, then.mark);
    });
    if (was_gone) ids.push_back(now.id);
  }
  return ids;
}

std::vector<cni::AttachmentId> valid_by_now(const GcPlan& first, const GcPlan& later) {
  const std::vector<cni::AttachmentId> gone = still_gone(first, later);
  std::vector<cni::AttachmentId> valid = first.valid;
  for (const cni::AttachmentId& id : later.valid) {
    if (!holds(valid, id)) valid.push_back(id);
  }
  for (const KnownAttachment& known : later.gone) {
    if (!holds(valid, known.id) && !holds(gone, known.id)) valid.push_back(known.id);
  }
  return valid;
}

}  // namespace fairlead::cli
