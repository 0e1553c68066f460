#include "kernel/op_error.hpp"

#include <cerrno>

namespace fairlead::kernel {

namespace {

std::string where(Side side) { return side == Side::kHost ? " on the host" : " in the container"; }

const LinkSpec* spec_of(const Op& op) {
  if (const auto* create = std::get_if<CreateLink>(&op.action)) return &create->spec;
  if (const auto* change = std::get_if<ChangeLink>(&op.action)) return &change->spec;
  return nullptr;
}

/// The MTU that a veth end is to have, if it is none that a veth takes (is_valid_veth_mtu,
/// drivers/net/veth.c).
std::optional<Mtu> bad_veth_mtu(const LinkSpec& spec) {
  const auto* veth = std::get_if<VethLink>(&spec.kind);
  if (veth == nullptr) return std::nullopt;
  for (const auto& mtu : {spec.mtu, veth->peer.mtu}) {
    if (mtu && mtu->bytes() > 65535) return mtu;
  }
  return std::nullopt;
}

void explain_link(const LinkSpec& spec, Error& error) {
  switch (error.kernel->err) {
    case EXFULL:
      if (!spec.master) break;
      // BR_MAX_PORTS is 1 << 10, and port number 0 is not used (find_portno, net/bridge/br_if.c).
      error.what = "EXFULL: bridge " + spec.master->str() + " is full: a Linux bridge takes 1,023 ports";
      error.remedy = "attach further containers to a network with another bridge";
      break;
    case EADDRNOTAVAIL:
      error.code = Errc::kInvalid;
      error.what += " (the MAC address is not a unicast address)";
      break;
    case EINVAL:
      if (const auto mtu = bad_veth_mtu(spec)) {
        error.what += " (MTU " + std::to_string(mtu->bytes()) + ": a veth takes up to 65535 bytes)";
      }
      break;
    default:
      break;
  }
}

/// What the kernel's own text leaves open.
void explain(const Op& op, Error& error) {
  const LinkSpec* spec = spec_of(op);
  if (spec != nullptr) explain_link(*spec, error);
  const bool unreachable = error.kernel->err == ENETUNREACH || error.kernel->err == EHOSTUNREACH;
  if (unreachable && std::holds_alternative<AddRoute>(op.action)) {
    error.code = Errc::kInvalid;
    error = std::move(error).with_remedy(
        "a gateway has to be in a network of the link's addresses, or the route on-link");
  }
  if (error.kernel->err == EOPNOTSUPP && std::holds_alternative<CreateLink>(op.action)) {
    const std::string kind = kind_name(spec->kind);
    error = std::move(error).with_remedy("this kernel has no " + kind + " links: load the module " + kind +
                                         " or use another kernel");
  }
  if (error.kernel->err == EPERM && !std::holds_alternative<SetSysctl>(op.action)) {
    error = std::move(error).with_remedy(
        "the caller needs CAP_NET_ADMIN in the user namespace that owns the network namespace");
  }
}

}  // namespace

Error op_error(const Op& op, Error error) {
  if (error.kernel) explain(op, error);
  return std::move(error).with_context(describe(op));
}

std::string name_taken(Side side, const std::string& name) { return name + " exists already" + where(side); }

Error no_such_link(Side side, const std::string& name) {
  return {.code = Errc::kNotFound,
          .what = "ENODEV: there is no link " + name + where(side),
          .kernel = KernelDetail{.err = ENODEV, .message = {}, .attribute = {}}};
}

}  // namespace fairlead::kernel
