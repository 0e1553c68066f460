// The sentence that names an op. Errors, --dry-run and CHECK print it, so it says what an operator would
// type, in that order.
#include <string>

#include "base/quote.hpp"
#include "fairlead/op.hpp"

namespace fairlead {
namespace {

std::string where(Side side) { return side == Side::kContainer ? " in the container" : ""; }

void append(std::string& list, const std::string& item) {
  if (!list.empty()) list += ", ";
  list += item;
}

std::string changes_of(const LinkSpec& spec) {
  std::string list;
  if (spec.mac) append(list, "mac " + spec.mac->to_string());
  if (spec.mtu) append(list, "mtu " + std::to_string(spec.mtu->bytes()));
  if (const auto* bridge = std::get_if<BridgeLink>(&spec.kind)) {
    if (bridge->vlan_filtering) {
      append(list, *bridge->vlan_filtering ? "vlan_filtering on" : "vlan_filtering off");
    }
    if (bridge->vlan_default_pvid) {
      append(list, "vlan_default_pvid " + std::to_string(*bridge->vlan_default_pvid));
    }
  }
  if (spec.master) append(list, "master " + spec.master->str());
  if (spec.port.hairpin) append(list, *spec.port.hairpin ? "hairpin on" : "hairpin off");
  if (spec.port.isolated) append(list, *spec.port.isolated ? "isolated on" : "isolated off");
  if (spec.promisc) append(list, *spec.promisc ? "promisc on" : "promisc off");
  if (spec.alias) append(list, "alias " + quoted(*spec.alias));
  if (spec.arp_notify) append(list, *spec.arp_notify ? "arp_notify on" : "arp_notify off");
  if (spec.up) append(list, *spec.up ? "up" : "down");
  return list;
}

std::string hop_text(const NextHop& hop) {
  std::string text;
  if (hop.gateway) text += " via " + hop.gateway->to_string();
  if (hop.link) {
    text += " dev " + hop.link->str();
  } else if (hop.index) {
    text += " dev #" + std::to_string(hop.index->value);
  }
  if (hop.onlink) text += " onlink";
  return text;
}

std::string route_text(const RouteSpec& route) {
  std::string text = route.destination.is_default() && !route.hops.empty() && route.hops.front().gateway
                         ? "default"
                         : route.destination.to_string();
  if (route.hops.size() == 1) text += hop_text(route.hops.front());
  if (route.source) text += " src " + route.source->to_string();
  if (route.table) text += " table " + std::to_string(*route.table);
  if (route.priority) text += " metric " + std::to_string(*route.priority);
  if (route.scope) text += " scope " + std::to_string(*route.scope);
  if (route.mtu) text += " mtu " + std::to_string(*route.mtu);
  if (route.advmss) text += " advmss " + std::to_string(*route.advmss);
  if (route.hops.size() > 1) {
    for (const NextHop& hop : route.hops) {
      text += " nexthop" + hop_text(hop) + " weight " + std::to_string(hop.weight);
    }
  }
  return text;
}

// The fields of a key are not known here: 16 bytes that read as a zero-filled name are one, anything
// else is shown as hexadecimal words.
std::string key_text(const nft::Bytes& key) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kNameSize = 16;
  const auto name_at = [&](std::size_t at) {
    std::string name;
    while (at < key.size() && name.size() < kNameSize && key[at] > 0x20 && key[at] < 0x7f) {
      name += static_cast<char>(key[at++]);
    }
    if (name.size() < 2 || at + kNameSize - name.size() > key.size()) return std::string();
    for (std::size_t rest = name.size(); rest < kNameSize; ++rest) {
      if (key[at++] != 0) return std::string();
    }
    return name.size() < kNameSize ? name : std::string();
  };
  std::string text;
  for (std::size_t at = 0; at < key.size();) {
    if (!text.empty()) text += " . ";
    if (const std::string name = name_at(at); !name.empty()) {
      text += name;
      at += kNameSize;
      continue;
    }
    text += "0x";
    for (std::size_t end = at + 4; at < key.size() && at < end; ++at) {
      text += kHex[key[at] >> 4U];
      text += kHex[key[at] & 15U];
    }
  }
  return text;
}

std::string set_text(const nft::SetRef& set) {
  return std::string(nft::to_string(set.family)) + " " + set.table + " " + set.set;
}

std::string comment_text(const nft::Element& element) {
  return element.comment.empty() ? "" : " (" + element.comment + ")";
}

struct Describe {
  Side side;

  std::string operator()(const CreateLink& a) const {
    std::string text =
        std::string("create ") + kind_name(a.spec.kind) + " " + a.spec.name.str() + where(side);
    if (const auto* veth = std::get_if<VethLink>(&a.spec.kind)) {
      text += " (peer " + veth->peer.name.str();
      if (veth->peer.side != side)
        text += veth->peer.side == Side::kHost ? " on the host" : where(veth->peer.side);
      text += ")";
    }
    return text;
  }
  std::string operator()(const ChangeLink& a) const {
    return "set " + a.spec.name.str() + where(side) + ": " + changes_of(a.spec);
  }
  std::string operator()(const DeleteLink& a) const { return "delete link " + a.name.str() + where(side); }
  std::string operator()(const AddAddress& a) const {
    return "add address " + a.address.address.to_string() + " to " + a.link.str() + where(side);
  }
  std::string operator()(const RemoveAddress& a) const {
    return "remove address " + a.address.to_string() + " from " + a.link.str() + where(side);
  }
  std::string operator()(const AddRoute& a) const { return "add route " + route_text(a.route) + where(side); }
  std::string operator()(const RemoveRoute& a) const {
    return "remove route " + route_text(a.route) + where(side);
  }
  std::string operator()(const SetSysctl& a) const { return "set " + a.key + " to " + a.value + where(side); }
  std::string operator()(const EnsureTable& a) const {
    return std::string("ensure table ") + nft::to_string(a.table.family) + " " + a.table.name;
  }
  std::string operator()(const AddElement& a) const {
    return "add element " + key_text(a.element.key) + " to " + set_text(a.element.set) +
           comment_text(a.element);
  }
  std::string operator()(const RemoveElement& a) const {
    return "remove element " + key_text(a.element.key) + " from " + set_text(a.element.set) +
           comment_text(a.element);
  }
};

}  // namespace

std::string describe(const Op& op) { return std::visit(Describe{op.side}, op.action); }

}  // namespace fairlead
