// The part of the configuration that every plugin shares.
#pragma once

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// The first version of the specification that has this verb.
[[nodiscard]] SpecVersion first_version_of(Verb verb);

/// Fills `request` from its config_text; its verb and log are set already. The version is filled as soon
/// as it is known, so that an error about the rest can be answered in it.
[[nodiscard]] Result<void> decode_config(const Plugin& plugin, Request& request);

/// The GC request with another list of valid attachments, also in the configuration that a delegate reads.
[[nodiscard]] Result<Request> with_valid_attachments(const Request& request, std::vector<AttachmentId> valid);

}  // namespace fairlead::cni
