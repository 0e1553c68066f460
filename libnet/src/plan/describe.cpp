// The sentence that names an op. Errors, --dry-run and CHECK print it, so it says what an operator would
// type, in that order.
#include <algorithm>
#include <string>

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
  if (spec.master) append(list, "master " + spec.master->str());
  if (spec.port.hairpin) append(list, *spec.port.hairpin ? "hairpin on" : "hairpin off");
  if (spec.port.isolated) append(list, *spec.port.isolated ? "isolated on" : "isolated off");
  if (spec.promisc) append(list, *spec.promisc ? "promisc on" : "promisc off");
  if (spec.alias) append(list, "alias \"" + *spec.alias + "\"");
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

/// The link's name that fills the 16 bytes from `at` on, empty if they are none.
std::string name_at(const nft::Bytes& key, std::size_t at) {
  const std::size_t end = at + kNameSize;
  std::string name;
  while (at < key.size() && name.size() < kNameSize && key[at] > 0x20 && key[at] < 0x7f) {
    name += static_cast<char>(key[at++]);
  }
  if (name.size() < 2 || name.size() == kNameSize || end > key.size()) return {};
  while (at < end) {
    if (key[at++] != 0) return {};
  }
  return name;
}

/// Bytes of an address in the set: those whose name ends in 4 or 6 hold addresses of that family (masq4).
std::size_t address_size(const nft::SetRef& set) {
  if (set.set.ends_with('4')) return 4;
  return set.set.ends_with('6') ? 16 : 0;
}

std::string hex_text(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "0x";
  for (std::size_t i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4U];
    text += kHex[bytes[i] & 15U];
  }
  return text;
}

// An op does not carry the types of a key's fields, and one that was read from a record could not. 16 bytes
// that read as a zero-filled name are one; what else there is in a set of addresses are addresses, in any
// other set it is shown as hexadecimal words.
std::string key_text(const nft::Element& element) {
  const nft::Bytes& key = element.key;
  const std::size_t address = address_size(element.set);
  std::string text;
  for (std::size_t at = 0; at < key.size();) {
    if (!text.empty()) text += " . ";
    const std::size_t left = key.size() - at;
    if (const std::string name = name_at(key, at); !name.empty()) {
      text += name;
      at += kNameSize;
    } else if (address != 0 && left >= address) {
      text += IpAddress::from_bytes({key.data() + at, address})->to_string();
      at += address;
    } else {
      const std::size_t word = std::min<std::size_t>(left, 4);
      text += hex_text(key.data() + at, word);
      at += word;
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
    return "add element " + key_text(a.element) + " to " + set_text(a.element.set) + comment_text(a.element);
  }
  std::string operator()(const RemoveElement& a) const {
    return "remove element " + key_text(a.element) + " from " + set_text(a.element.set) +
           comment_text(a.element);
  }
};

}  // namespace

std::string describe(const Op& op) { return std::visit(Describe{op.side}, op.action); }

}  // namespace fairlead
