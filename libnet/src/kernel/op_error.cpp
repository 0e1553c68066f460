#include "kernel/op_error.hpp"

#include <cerrno>

namespace fairlead::kernel {

namespace {

const LinkSpec* spec_of(const Op& op) {
  if (const auto* create = std::get_if<CreateLink>(&op.action)) return &create->spec;
  if (const auto* change = std::get_if<ChangeLink>(&op.action)) return &change->spec;
  return nullptr;
}

/// What the kernel's own text leaves open.
void explain(const Op& op, Error& error) {
  const LinkSpec* spec = spec_of(op);
  switch (error.kernel->err) {
    case EXFULL:
      if (spec == nullptr || !spec->master) break;
      // BR_MAX_PORTS is 1 << 10, and port number 0 is not used (find_portno, net/bridge/br_if.c).
      error.what = "EXFULL: bridge " + spec->master->str() + " is full: a Linux bridge takes 1,023 ports";
      error.remedy = "attach further containers to a network with another bridge";
      break;
    case EOPNOTSUPP:
      if (!std::holds_alternative<CreateLink>(op.action)) break;
      error.remedy = std::string("this kernel has no ") + kind_name(spec->kind) + " links: load the module " +
                     kind_name(spec->kind) + " or use another kernel";
      break;
    case EPERM:
      if (std::holds_alternative<SetSysctl>(op.action)) break;
      error.remedy = "the caller needs CAP_NET_ADMIN in the user namespace that owns the network namespace";
      break;
    default:
      break;
  }
}

}  // namespace

Error op_error(const Op& op, Error error) {
  if (error.kernel) explain(op, error);
  return std::move(error).with_context(describe(op));
}

Error no_such_link(Side side, const std::string& name) {
  const char* where = side == Side::kHost ? " on the host" : " in the container";
  return {.code = Errc::kNotFound,
          .what = "ENODEV: there is no link " + name + where,
          .kernel = KernelDetail{.err = ENODEV, .message = {}, .attribute = {}}};
}

}  // namespace fairlead::kernel
