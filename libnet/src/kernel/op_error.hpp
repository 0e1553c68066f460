// The error of an op: its sentence, the kernel's reason, and what the operator can do where we know it.
#pragma once

#include "fairlead/op.hpp"
#include "plan/where.hpp"

namespace fairlead::kernel {

/// `error` (without the operation: "EEXIST: File exists") as the error of `op`.
[[nodiscard]] Error op_error(const Op& op, Error error);

/// "ENODEV: there is no link eth0 in the container".
[[nodiscard]] Error no_such_link(Side side, const std::string& name);

}  // namespace fairlead::kernel
