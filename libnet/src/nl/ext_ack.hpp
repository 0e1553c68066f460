// The kernel's answer to a request: NLMSG_ERROR, or NLMSG_DONE at the end of a dump, with the extended
// acknowledgement (NETLINK_EXT_ACK) that says why.
#pragma once

#include "fairlead/error.hpp"
#include "nl/reader.hpp"

namespace fairlead::nl {

/// Whether `error` of an NLMSG_ERROR is 0 or a negated errno: nothing else may be negated.
[[nodiscard]] bool is_verdict(std::int32_t error);

/// Reads the verdict of an NLMSG_ERROR or NLMSG_DONE. `request` is the message that it answers, which the
/// offsets in the answer refer to (with NETLINK_CAP_ACK the kernel does not repeat it).
/// err is 0 for success.
[[nodiscard]] Result<KernelDetail> read_verdict(const Message& answer, ByteView request);

/// "EEXIST: File exists (IFLA_IFNAME)": the kernel's text where it gave one, else that of the errno, and
/// the path of the attribute. The caller puts the operation in front.
[[nodiscard]] Error refusal(KernelDetail detail);

}  // namespace fairlead::nl
