// The sentence that names an op. Errors, --dry-run and CHECK print it, so it says what an operator would
// type, in that order.
#include <algorithm>
#include <span>
#include <string>

#include "base/quote.hpp"
#include "fairlead/op.hpp"
#include "plan/where.hpp"

namespace fairlead {
namespace {

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

constexpr std::size_t kNameSize = 16;  // IFNAMSIZ
using KeyView = std::span<const std::uint8_t>;

/// The name in a zero-filled field, or "" if the field is none.
std::string name_in(KeyView field) {
  if (field.size() != kNameSize) return {};
  const auto end = std::find(field.begin(), field.end(), std::uint8_t{0});
  const auto printable = [](std::uint8_t c) { return c > 0x20 && c < 0x7f; };
  const auto zero = [](std::uint8_t c) { return c == 0; };
  if (end == field.end() || !std::all_of(field.begin(), end, printable)) return {};
  return std::all_of(end, field.end(), zero) ? std::string(field.begin(), end) : std::string();
}

/// A key that is an address, or an address and a link's name, of the family that the name of its set ends
/// in (see SetSpec); otherwise "".
std::string address_key_text(const nft::Element& element) {
  const KeyView key = element.key;
  const std::size_t size = element.set.set.ends_with('4') ? 4 : element.set.set.ends_with('6') ? 16 : 0;
  const auto address = [](KeyView bytes) {
    const auto parsed = IpAddress::from_bytes(bytes);
    return parsed ? parsed->to_string() : std::string();
  };
  if (size == 0) return {};
  if (key.size() == size) return address(key);
  if (key.size() != size + kNameSize) return {};
  // "Address first" is tried first: an address may consist of letters and, together with the name behind it,
  // read as one name; a name in front of an address ends in a zero and so never reads as an address first.
  if (const std::string name = name_in(key.subspan(size)); !name.empty()) {
    return address(key.first(size)) + " . " + name;
  }
  const std::string name = name_in(key.first(kNameSize));
  return name.empty() ? name : name + " . " + address(key.subspan(kNameSize));
}

// Of other keys the fields are not known here: 16 bytes that read as a zero-filled name of two letters or
// more are one, anything else is shown as hexadecimal words.
std::string key_text(const nft::Element& element) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = address_key_text(element);
  if (!text.empty()) return text;
  for (KeyView left = element.key; !left.empty();) {
    if (!text.empty()) text += " . ";
    const std::string name = name_in(left.first(std::min(kNameSize, left.size())));
    const std::size_t size = name.size() < 2 ? std::min<std::size_t>(4, left.size()) : kNameSize;
    if (size == kNameSize) {
      text += name;
    } else {
      text += "0x";
      for (const std::uint8_t byte : left.first(size)) {
        text += kHex[byte >> 4U];
        text += kHex[byte & 15U];
      }
    }
    left = left.subspan(size);
  }
  return text;
}

std::string set_text(const nft::SetRef& set) {
  return std::string(nft::to_string(set.family)) + " " + set.table + " " + set.set;
}

std::string comment_text(const nft::Element& element) {
  return element.comment.empty() ? "" : " (" + element.comment + ")";
}

std::string address_text(const IfaceAddress& address, const LinkName& link, Side side) {
  return "address " + address.to_string() + " of " + place(link.str(), side);
}

std::string chain_text(const nft::ChainRef& chain) {
  return "chain " + chain.chain + " of table " + nft::to_string(chain.family) + " " + chain.table;
}

struct DescribeObject {
  Side side;

  std::string operator()(const CreateLink& a) const {
    std::string text = std::string(kind_name(a.spec.kind)) + " " + place(a.spec.name.str(), side);
    if (const auto* veth = std::get_if<VethLink>(&a.spec.kind)) {
      text += " (peer " + veth->peer.name.str();
      if (veth->peer.side != side) text += where(veth->peer.side);
      text += ")";
    }
    return text;
  }
  std::string operator()(const ChangeLink& a) const { return place(a.spec.name.str(), side); }
  std::string operator()(const DeleteLink& a) const { return "link " + place(a.name.str(), side); }
  std::string operator()(const AwaitOperational& a) const { return "link " + place(a.link.str(), side); }
  std::string operator()(const AddAddress& a) const { return address_text(a.address.address, a.link, side); }
  std::string operator()(const RemoveAddress& a) const { return address_text(a.address, a.link, side); }
  std::string operator()(const AddRoute& a) const { return "route " + place(route_text(a.route), side); }
  std::string operator()(const RemoveRoute& a) const { return "route " + place(route_text(a.route), side); }
  std::string operator()(const SetSysctl& a) const { return place(a.key, side); }
  std::string operator()(const EnsureTable& a) const {
    return std::string("table ") + nft::to_string(a.table.family) + " " + a.table.name;
  }
  std::string operator()(const AddElement& a) const { return of(a.element); }
  std::string operator()(const RemoveElement& a) const { return of(a.element); }

  std::string operator()(const RemoveChain& a) const { return chain_text(a.chain); }
  std::string operator()(const RemoveRules& a) const { return "rules of " + chain_text(a.chain); }

  static std::string of(const nft::Element& element) {
    return "element " + key_text(element) + " of " + set_text(element.set) + comment_text(element);
  }
};

struct Describe {
  const Op& op;

  std::string operator()(const CreateLink&) const { return "create " + describe_object(op); }
  std::string operator()(const ChangeLink& a) const {
    return "set " + describe_object(op) + ": " + changes_of(a.spec);
  }
  std::string operator()(const DeleteLink&) const { return "delete " + describe_object(op); }
  std::string operator()(const AwaitOperational&) const {
    return "wait until " + describe_object(op) + " is operational";
  }
  std::string operator()(const AddAddress& a) const {
    return "add address " + a.address.address.to_string() + " to " + place(a.link.str(), op.side);
  }
  std::string operator()(const RemoveAddress& a) const {
    return "remove address " + a.address.to_string() + " from " + place(a.link.str(), op.side);
  }
  std::string operator()(const AddRoute&) const { return "add " + describe_object(op); }
  std::string operator()(const RemoveRoute&) const { return "remove " + describe_object(op); }
  std::string operator()(const SetSysctl& a) const {
    return "set " + a.key + " to " + place(a.value, op.side);
  }
  std::string operator()(const EnsureTable&) const { return "ensure " + describe_object(op); }
  std::string operator()(const AddElement& a) const {
    return "add element " + key_text(a.element) + " to " + set_text(a.element.set) + comment_text(a.element);
  }
  std::string operator()(const RemoveElement& a) const {
    return "remove element " + key_text(a.element) + " from " + set_text(a.element.set) +
           comment_text(a.element);
  }
  std::string operator()(const RemoveChain& a) const {
    return "remove " + chain_text(a.chain) + " and the jumps to it from " + a.jumps_from;
  }
  std::string operator()(const RemoveRules& a) const {
    return "remove the rules of " + chain_text(a.chain) + " whose comment begins with " +
           quoted(a.comment_prefix);
  }
};

}  // namespace

std::string describe_object(const Op& op) { return std::visit(DescribeObject{op.side}, op.action); }

std::string describe(const Op& op) { return std::visit(Describe{op}, op.action); }

}  // namespace fairlead
