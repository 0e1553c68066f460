// Legacy iptables (x_tables): rules that nf_tables does not show.
#pragma once

#include <string>

#include "fairlead/ip_address.hpp"
#include "fairlead/result.hpp"

namespace fairlead::sys {

/// Whether that table, in the namespace of this process, has a chain of that name. A table that is not there
/// is not made (asking x_tables for one loads its module).
[[nodiscard]] Result<bool> has_legacy_chain(IpFamily family, const std::string& table,
                                            const std::string& chain);

}  // namespace fairlead::sys
