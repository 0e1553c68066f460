#include "kernel/op_error.hpp"

#include <cerrno>

namespace fairlead::kernel {

namespace {

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

/// EOPNOTSUPP stands for a kind of link that the kernel does not have, for one of its options, or for options
/// of a port that is none (do_setlink without a master's slave_changelink).
std::optional<std::string> unsupported_remedy(const LinkSpec& spec, const KernelDetail& detail) {
  if (detail.message == "Unknown device type") {  // rtnl_newlink
    const std::string kind = kind_name(spec.kind);
    return "this kernel has no " + kind + " links: load the module " + kind + " or use another kernel";
  }
  const auto* bridge = std::get_if<BridgeLink>(&spec.kind);
  if (bridge != nullptr && (bridge->vlan_filtering || bridge->vlan_default_pvid)) {
    return "this kernel's bridges do not filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING): leave these options "
           "out "
           "or use another kernel";
  }
  if (!spec.port.empty() && !spec.master) return "hairpin and isolated are options of a bridge's port";
  return std::nullopt;
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
  if (error.kernel->err == EOPNOTSUPP && spec != nullptr) {
    if (auto remedy = unsupported_remedy(*spec, *error.kernel)) {
      error = std::move(error).with_remedy(*std::move(remedy));
    }
  }
  const auto* address = std::get_if<AddAddress>(&op.action);
  if (error.kernel->err == EACCES && address != nullptr && address->address.address.is_v6()) {
    // inet6_addr_add() on a link whose IPv6 is off; before Linux 6.6 without a word of its own.
    error = std::move(error).with_remedy("IPv6 is off on this link: set the sysctl net/ipv6/conf/" +
                                         address->link.str() + "/disable_ipv6" + where(op.side) + " to 0");
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

Error no_such_link(Side side, const std::string& name) {
  return {.code = Errc::kNotFound,
          .what = "ENODEV: there is no link " + name + where(side),
          .kernel = KernelDetail{.err = ENODEV, .message = {}, .attribute = {}}};
}

}  // namespace fairlead::kernel
