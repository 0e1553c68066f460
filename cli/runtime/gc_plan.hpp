// What a GC of a network keeps and removes.
//
// A runtime keeps GC and ADD apart; a tool on the command line cannot. So what was known when the decision
// was made and what is there when the plugins collect are two things: an attachment that came in between is
// none that anybody decided about.
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
  std::vector<cni::AttachmentId> gone{};
  std::string lines{};               ///< one for each attachment that is known, for --dry-run
  std::vector<std::string> notes{};  ///< of those that are kept because nothing is known against it
};

/// Those that are `named` stay, the others as `unnamed` says.
[[nodiscard]] GcPlan plan_gc(const std::vector<KnownAttachment>& known,
                             const std::vector<cni::AttachmentId>& named, Unnamed unnamed);

/// The valid ones of a plan, and those of a second one, made later in the same way, that are valid in it or
/// that the first did not know.
[[nodiscard]] std::vector<cni::AttachmentId> valid_by_now(const GcPlan& first, const GcPlan& later);

}  // namespace fairlead::cli
