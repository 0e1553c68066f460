// Steps that attach, detach, check and collect share.
#pragma once

#include <string>
#include <vector>

#include "engine/attach/attach.hpp"

namespace fairlead::engine {

/// Protocol codes (plugins/cni/spec.hpp): attached already; CHECK found a difference.
inline constexpr int kAlreadyAttachedCode = 101;
inline constexpr int kCheckFailedCode = 107;

/// Whether a record was made by this boot in this host namespace: only then do its links exist.
[[nodiscard]] Result<bool> is_current(const RecordHeader& header, Kernel& kernel);

/// Runs the section's undo list; the errors of what could not be removed.
[[nodiscard]] std::vector<Error> undo_section(const AttachmentContext& context, const Section& section,
                                              const RecordHeader& header);

/// Removes links and nft elements that carry the names derived from an attachment's key.
[[nodiscard]] std::vector<Error> remove_derived(const AttachmentKey& key, Kernel& kernel);

/// The host's end of a pair whose other end is `end`, a link of the container; nothing for any other link.
[[nodiscard]] Result<std::optional<LinkState>> host_end_of(Kernel& kernel, const LinkState& end);

/// The section and what it belongs to, for an error's or a log line's text: "n/c/eth0".
[[nodiscard]] std::string object_of(const AttachmentContext& context);

}  // namespace fairlead::engine
