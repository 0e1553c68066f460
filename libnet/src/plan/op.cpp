#include "fairlead/op.hpp"

#include "plan/touch.hpp"

namespace fairlead {

const char* to_string(Side side) { return side == Side::kHost ? "host" : "container"; }

const char* kind_name(const LinkKind& kind) {
  if (std::holds_alternative<BridgeLink>(kind)) return "bridge";
  if (std::holds_alternative<VethLink>(kind)) return "veth";
  return "";
}

Channel channel_of(const Op& op) {
  const bool host = op.side == Side::kHost;
  if (std::holds_alternative<SetSysctl>(op.action)) {
    return host ? Channel::kHostSysctl : Channel::kContainerSysctl;
  }
  if (std::holds_alternative<EnsureTable>(op.action) || std::holds_alternative<AddElement>(op.action) ||
      std::holds_alternative<RemoveElement>(op.action)) {
    return Channel::kNft;
  }
  return host ? Channel::kHostRtnetlink : Channel::kContainerRtnetlink;
}

namespace {

struct Inverse {
  std::optional<Action> operator()(const CreateLink& a) const { return DeleteLink{a.spec.name}; }
  std::optional<Action> operator()(const AddAddress& a) const {
    return RemoveAddress{a.link, a.address.address};
  }
  std::optional<Action> operator()(const RemoveAddress& a) const {
    return AddAddress{a.link, {.address = a.address}};
  }
  std::optional<Action> operator()(const AddRoute& a) const { return RemoveRoute{a.route}; }
  std::optional<Action> operator()(const RemoveRoute& a) const { return AddRoute{a.route}; }
  std::optional<Action> operator()(const SetSysctl& a) const {
    // Nothing was read when the file belongs to a link that the same plan creates: it goes with the link.
    if (a.previous.empty()) return std::nullopt;
    return SetSysctl{.key = a.key, .value = a.previous, .previous = a.value};
  }
  std::optional<Action> operator()(const AddElement& a) const { return RemoveElement{a.element}; }
  std::optional<Action> operator()(const RemoveElement& a) const { return AddElement{a.element}; }
  std::optional<Action> operator()(const ChangeLink&) const { return std::nullopt; }
  std::optional<Action> operator()(const DeleteLink&) const { return std::nullopt; }
  std::optional<Action> operator()(const EnsureTable&) const { return std::nullopt; }
};

}  // namespace

std::optional<Op> inverse(const Op& op) {
  if (op.shared) return std::nullopt;
  auto action = std::visit(Inverse{}, op.action);
  if (!action) return std::nullopt;
  return Op{.side = op.side, .action = *std::move(action)};
}

// Which links an op needs (plan/touch.hpp) -------------------------------------------------------------

std::string sysctl_link(const std::string& key) {
  for (const std::string_view prefix :
       {"net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/", "net/ipv6/neigh/", "net/mpls/conf/"}) {
    if (!key.starts_with(prefix)) continue;
    const std::string rest = key.substr(prefix.size());
    const std::string name = rest.substr(0, rest.find('/'));
    return name == "all" || name == "default" || name.size() == rest.size() ? "" : name;
  }
  return "";
}

bool dies_with(const Op& op, const LinkSet& gone) {
  const auto is_gone = [&](const std::string& name) { return gone.contains({op.side, name}); };
  if (const auto* a = std::get_if<ChangeLink>(&op.action)) return is_gone(a->spec.name.str());
  if (const auto* a = std::get_if<AddAddress>(&op.action)) return is_gone(a->link.str());
  if (const auto* a = std::get_if<RemoveAddress>(&op.action)) return is_gone(a->link.str());
  if (const auto* a = std::get_if<SetSysctl>(&op.action)) return is_gone(sysctl_link(a->key));
  const RouteSpec* route = nullptr;
  if (const auto* a = std::get_if<AddRoute>(&op.action)) route = &a->route;
  if (const auto* a = std::get_if<RemoveRoute>(&op.action)) route = &a->route;
  return route != nullptr && all_hops_in(*route, op.side, gone);
}

bool all_hops_in(const RouteSpec& route, Side side, const LinkSet& links) {
  for (const NextHop& hop : route.hops) {
    if (!hop.link || !links.contains({side, hop.link->str()})) return false;
  }
  return !route.hops.empty();
}

void insert_with_peer(LinkSet& set, Side side, const LinkSpec& spec) {
  set.insert({side, spec.name.str()});
  if (const auto* veth = std::get_if<VethLink>(&spec.kind)) {
    set.insert({veth->peer.side, veth->peer.name.str()});
  }
}

}  // namespace fairlead
