// What is left of an attachment that the reference plugins made, beyond its links and leases.
#pragma once

#include <vector>

#include "engine/attach/attach.hpp"

namespace fairlead::engine {

/// Removes the reference's rules for it from nf_tables. Legacy iptables replaces a table as a whole, without
/// any lock that it would share with us, so its rules are left and a warning names them.
[[nodiscard]] std::vector<Error> remove_reference_remains(const AttachmentContext& context, Kernel& kernel);

}  // namespace fairlead::engine
