// Steps that attach, detach, check and collect share.
#pragma once

#include <set>
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

/// The bridge whose addresses the undo of its replaced ones (forceAddress) is about; nothing if there are
/// none.
[[nodiscard]] const LinkName* replaced_on(const Plan& undo);
/// The ports of a link; none if there is no such link. Dumps all links.
[[nodiscard]] Result<std::set<LinkIndex>> ports_of(Kernel& kernel, const LinkName& bridge);
/// Takes out of the undo of replaced addresses the removal of the new ones if somebody may have them for
/// gateways by now: a port besides this attachment's that is not among `before`, the ports from before the
/// replacement. The old ones come back in any case. The bridge's lock must be held: an ADD that may replace
/// addresses itself holds it until it has its port, so none that found the new one in place is overlooked. An
/// ADD of another network on the same bridge, without forceAddress, takes no lock for what it finds in place.
[[nodiscard]] Result<void> spare_used_addresses(const AttachmentContext& context, Kernel& kernel,
                                                const std::set<LinkIndex>& before, Plan& undo);

/// Removes links and nft elements that carry the names derived from an attachment's key.
[[nodiscard]] std::vector<Error> remove_derived(const AttachmentKey& key, Kernel& kernel);

/// The host's end of a pair whose other end is `end`, a link of the container; nothing for any other link.
[[nodiscard]] Result<std::optional<LinkState>> host_end_of(Kernel& kernel, const LinkState& end);

/// The section and what it belongs to, for an error's or a log line's text: "n/c/eth0".
[[nodiscard]] std::string object_of(const AttachmentContext& context);

}  // namespace fairlead::engine
