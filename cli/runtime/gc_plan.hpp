// What a GC of a network keeps and removes.
//
// A runtime keeps GC and ADD apart, as the specification (1.1, section 3, "Lifecycle & Ordering") tells it
// to; a tool on the command line cannot. So an attachment is removed only if it was given up at the beginning
// and would be again now: just before its DEL, and just before a plugin collects. What is attached between
// that and the moment at which the plugin looks, it spares itself, as it is told the time (ValidAttachments).
// A DEL has no such condition: who attaches a container again under the same name, while the process that
// does its DEL starts, loses it.
#pragma once

#include <string>
#include <vector>

#include "cli/runtime/valid_attachments.hpp"

namespace fairlead::cli {

enum class Unnamed : std::uint8_t {
  kKeepUnlessGone,
  kRemove,
};

struct GcPlan {
  std::vector<cni::AttachmentId> valid{};
  std::vector<KnownAttachment> gone{};
  std::string lines{};               ///< one for each attachment that is known, for --dry-run
  std::vector<std::string> notes{};  ///< of those that are kept because nothing is known against it
};

/// Those that are `named` stay, the others as `unnamed` says.
[[nodiscard]] GcPlan plan_gc(const std::vector<KnownAttachment>& known,
                             const std::vector<cni::AttachmentId>& named, Unnamed unnamed);

/// Those that a plan gives up and that a second one, made later in the same way, gives up again: one that was
/// attached anew in between is another.
[[nodiscard]] std::vector<cni::AttachmentId> still_gone(const GcPlan& first, const GcPlan& later);

/// The valid ones of both plans, and those of the later one that are not still gone.
[[nodiscard]] std::vector<cni::AttachmentId> valid_by_now(const GcPlan& first, const GcPlan& later);

}  // namespace fairlead::cli
