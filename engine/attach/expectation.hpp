// What CHECK wants of the kernel: the desired state of ADD, less what may have changed since with every
// right.
//
// Plugins behind ours in the chain work on the same interface (tuning sets its MTU and sysctls, sbr moves its
// routes into another table), and CHECK must pass afterwards. What they changed shows in prevResult as far as
// they say so. The reference's tuning does not say that it changed the MTU, its sbr nothing at all.
#pragma once

#include "engine/attach/attach.hpp"

namespace fairlead::engine {

/// What is wanted of an attachment that has a record: `recorded` is what ADD gave it.
[[nodiscard]] DesiredState expected_by_record(const Driver& driver, const AttachmentNames& names,
                                              const AddressPlan& recorded, const KnownAttachment& known);
/// What is wanted of one that has none (the reference made it, or the run directory was wiped): what
/// prevResult says. `host_end` is the peer of the container's interface, whatever its name; of that it is
/// asked that it is a port of the bridge. Nothing is known about MTU and masquerading.
[[nodiscard]] DesiredState expected_by_result(const Driver& driver, AttachmentNames names,
                                              const LinkName& host_end, const KnownAttachment& known);

}  // namespace fairlead::engine
