// What the reference plugins (containernetworking/plugins) leave in nf_tables for one attachment. It goes
// with our DEL, or whoever gets the address next is masqueraded by a rule that nobody knows of.
#pragma once

#include <string>

#include "fairlead/plan.hpp"

namespace fairlead::firewall {

/// Removals of everything that the reference's `bridge` and `ptp` can have made for the attachment, as any
/// version since 0.6 names it; what is not there is no error.
[[nodiscard]] Plan reference_rules(const std::string& network, const std::string& container_id,
                                   const std::string& ifname);

/// The chain that iptables has for it, in the table nat of both families.
[[nodiscard]] std::string reference_chain(const std::string& network, const std::string& container_id);

}  // namespace fairlead::firewall
