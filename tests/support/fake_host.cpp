// FakeHost: sysctls, nf_tables, text form and consistency.
#include "tests/support/fake_host.hpp"

#include <algorithm>
#include <cerrno>

#include "fairlead/digest.hpp"

namespace fairlead::test {
namespace {

constexpr std::size_t kStoredComment = 127;  // bytes (nft::stored_comment)

Verdict refuse(int err, std::string text = {}) { return Refusal{err, std::move(text)}; }

std::size_t field_size(nft::FieldType type) {
  switch (type) {
    case nft::FieldType::kIpv6Addr:
    case nft::FieldType::kIfname:
      return 16;
    case nft::FieldType::kEtherAddr:
      return 8;  // padded
    default:
      return 4;  // all others fit a word
  }
}

std::size_t fields_size(const std::vector<nft::FieldType>& fields) {
  std::size_t size = 0;
  for (const nft::FieldType type : fields) size += field_size(type);
  return size;
}

const nft::SetSpec* find_set(const nft::TableSpec& table, const std::string& name) {
  const auto it = std::find_if(table.sets.begin(), table.sets.end(),
                               [&](const nft::SetSpec& s) { return s.name == name; });
  return it == table.sets.end() ? nullptr : &*it;
}

// What the kernel counts as use of a chain (NFTA_CHAIN_USE): its rules, and the jumps to it.
std::size_t uses_of(const nft::TableSpec& table, const std::string& chain) {
  std::size_t uses = 0;
  for (const nft::RuleSpec& rule : table.rules) {
    uses += rule.chain == chain ? 1 : 0;
    for (const nft::Expr& expr : rule.exprs) {
      const auto* verdict = std::get_if<nft::Verdict>(&expr);
      uses += verdict != nullptr && verdict->chain == chain ? 1 : 0;
    }
  }
  return uses;
}

bool is_complete(const nft::TableSpec& is, const nft::TableSpec& wanted) {
  if (is.chains.size() + is.sets.size() < wanted.chains.size() + wanted.sets.size()) return false;
  return std::all_of(wanted.chains.begin(), wanted.chains.end(), [&](const nft::ChainSpec& chain) {
    const bool there = std::any_of(is.chains.begin(), is.chains.end(),
                                   [&](const nft::ChainSpec& one) { return one.name == chain.name; });
    return there && uses_of(is, chain.name) >= uses_of(wanted, chain.name);
  });
}

std::string flags_text(const FakeLink& link) {
  std::string text = link.state.up ? " up" : " down";
  if (link.state.promisc_flag) text += " promisc";
  if (link.state.port.hairpin.value_or(false)) text += " hairpin";
  if (link.state.port.isolated.value_or(false)) text += " isolated";
  if (link.state.bridge.vlan_filtering.value_or(false)) text += " vlan_filtering";
  return text;
}

std::string address_text(const AddressState& address) {
  const AddressAttributes& is = address.attributes;
  std::string text = " addr " + address.address.to_string();
  const bool usual = address.address.is_v6() || address.address.address().is_loopback();
  if (!usual && is.scope.value_or(0) != 0) text += " scope " + std::to_string(*is.scope);
  if (is.label.find(':') != std::string::npos) text += " label " + is.label;
  if (is.lifetime) text += " valid " + std::to_string(is.lifetime->valid);
  return text;
}

std::string route_line(const FakeNamespace& space, const RouteSpec& route) {
  std::string text = "  route " + route.destination.to_string() + " table " + std::to_string(*route.table);
  for (const NextHop& hop : route.hops) {
    text += " dev " + space.links.at(hop.index->value).state.name;
    if (hop.gateway) text += " via " + hop.gateway->to_string();
    text += " weight " + std::to_string(hop.weight) + (hop.onlink ? " onlink" : "");
  }
  const auto add = [&](const char* what, const auto& value) {
    if (value) text += std::string(" ") + what + " " + std::to_string(*value);
  };
  add("metric", route.priority);
  add("mtu", route.mtu);
  add("advmss", route.advmss);
  add("scope", route.scope);
  add("proto", route.protocol);
  if (route.source) text += " src " + route.source->to_string();
  return text + "\n";
}

std::string namespace_text(const std::map<std::size_t, FakeNamespace>& all, const FakeNamespace& space) {
  std::set<std::string> lines;  // sorted: indices, and with them the order of links, mean nothing
  for (const auto& [index, link] : space.links) {
    const LinkState& s = link.state;
    std::string text = "  link " + s.name + " kind '" + s.kind + "' mac " +
                       s.mac.value_or(MacAddress()).to_string() + " mtu " + std::to_string(s.mtu) +
                       flags_text(link);
    if (s.master) text += " master " + space.links.at(s.master->value).state.name;
    if (s.link)
      text += " peer " + std::to_string(link.peer_namespace) + "/" +
              all.at(link.peer_namespace).links.at(s.link->value).state.name;
    if (!s.alias.empty()) text += " alias '" + s.alias + "'";
    for (const AddressState& address : link.addresses) text += address_text(address);
    lines.insert(text + "\n");
  }
  for (const RouteSpec& route : space.routes) lines.insert(route_line(space, route));
  for (const auto& [key, value] : space.sysctls) {
    if (value != initial_sysctl(key)) lines.insert("  sysctl " + key + " = " + value + "\n");
  }
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace

Verdict FakeHost::set_sysctl(Ns ns, const std::string& key, const std::string& value) {
  FakeNamespace& space = at(ns);
  if (!space.sysctls.contains(key)) return refuse(ENOENT);
  if (space.sysctls[key] == value) return std::nullopt;  // not written
  if (space.read_only) return refuse(EROFS);
  if (value.empty() || value.find_first_not_of("-0123456789") != std::string::npos) return refuse(EINVAL);
  space.sysctls[key] = value;
  // Forwarding for all is one switch with two names, and it sets every link's (inet_forward_change,
  // addrconf_fixup_forwarding).
  const bool all_v4 = key == "net/ipv4/ip_forward" || key == "net/ipv4/conf/all/forwarding";
  const bool all_v6 = key == "net/ipv6/conf/all/forwarding" || key == "net/ipv6/conf/all/disable_ipv6";
  if (!all_v4 && !all_v6) return std::nullopt;
  if (all_v4) space.sysctls["net/ipv4/ip_forward"] = value;
  const std::string family = all_v4 ? "net/ipv4/conf/" : "net/ipv6/conf/";
  const std::string suffix = all_v4 ? "/forwarding" : key.substr(key.rfind('/'));
  for (auto& [other, current] : space.sysctls) {
    if (other.starts_with(family) && other.ends_with(suffix)) current = value;
  }
  return std::nullopt;
}

// A table that is there stays, unless it is older than ours or incomplete: then it is replaced around the
// elements of those sets that ours has as well.
Verdict FakeHost::ensure_table(const nft::TableSpec& table) {
  auto [it, fresh] = tables_.try_emplace({table.family, table.name}, FakeTable{.spec = table});
  if (it->second.spec.layout > table.layout) return refuse(EOPNOTSUPP, "has a newer layout");
  if (fresh || has_table(table)) return std::nullopt;
  it->second.spec = table;
  std::erase_if(it->second.elements,
                [&](const auto& one) { return find_set(table, one.first.first) == nullptr; });
  return std::nullopt;
}

bool FakeHost::has_table(const nft::TableSpec& wanted) const {
  const auto table = tables_.find({wanted.family, wanted.name});
  if (table == tables_.end()) return false;
  const nft::TableSpec& is = table->second.spec;
  return is.layout > wanted.layout || (is.layout == wanted.layout && is_complete(is, wanted));
}

void FakeHost::flush_rules() {
  for (auto& [key, table] : tables_) table.spec.rules.clear();
}

Verdict FakeHost::add_element(const nft::Element& element) {
  const auto table = tables_.find({element.set.family, element.set.table});
  if (table == tables_.end()) return refuse(ENOENT);
  const nft::SetSpec* set = find_set(table->second.spec, element.set.set);
  if (set == nullptr) return refuse(ENOENT);
  if (element.key.size() != fields_size(set->key) || element.data.size() != fields_size(set->data))
    return refuse(EINVAL);
  nft::Element stored = element;
  stored.comment.resize(std::min(stored.comment.size(), kStoredComment));
  table->second.elements.insert_or_assign({element.set.set, element.key}, std::move(stored));
  return std::nullopt;
}

Verdict FakeHost::remove_element(const nft::Element& element) {
  const auto table = tables_.find({element.set.family, element.set.table});
  if (table != tables_.end()) table->second.elements.erase({element.set.set, element.key});
  return std::nullopt;
}

Verdict FakeHost::remove_chain(const nft::ChainRef& chain, const std::string& jumps_from) {
  const auto table = tables_.find({chain.family, chain.table});
  if (table == tables_.end()) return std::nullopt;
  nft::TableSpec& spec = table->second.spec;
  const auto is_it = [&](const nft::ChainSpec& one) { return one.name == chain.chain; };
  if (std::none_of(spec.chains.begin(), spec.chains.end(), is_it)) return std::nullopt;
  const auto jumps = [&](const nft::RuleSpec& rule) {
    return std::any_of(rule.exprs.begin(), rule.exprs.end(), [&](const nft::Expr& expr) {
      const auto* verdict = std::get_if<nft::Verdict>(&expr);
      return verdict != nullptr && verdict->chain == chain.chain;
    });
  };
  for (const nft::RuleSpec& rule : spec.rules) {
    if (jumps(rule) && rule.chain != jumps_from && rule.chain != chain.chain) return refuse(EBUSY);
  }
  std::erase_if(spec.rules,
                [&](const nft::RuleSpec& rule) { return jumps(rule) || rule.chain == chain.chain; });
  std::erase_if(spec.chains, is_it);
  return std::nullopt;
}

Verdict FakeHost::remove_rules(const nft::ChainRef& chain, const std::string& comment_prefix) {
  const auto table = tables_.find({chain.family, chain.table});
  if (table == tables_.end()) return std::nullopt;
  std::erase_if(table->second.spec.rules, [&](const nft::RuleSpec& rule) {
    return rule.chain == chain.chain && rule.comment.starts_with(comment_prefix);
  });
  return std::nullopt;
}

const nft::Element* FakeHost::element(const nft::Element& wanted) const {
  const auto table = tables_.find({wanted.set.family, wanted.set.table});
  if (table == tables_.end()) return nullptr;
  const auto it = table->second.elements.find({wanted.set.set, wanted.key});
  return it == table->second.elements.end() ? nullptr : &it->second;
}

std::vector<nft::Element> FakeHost::elements(const nft::SetRef& set) const {
  std::vector<nft::Element> found;
  const auto table = tables_.find({set.family, set.table});
  if (table == tables_.end()) return found;
  for (const auto& [key, element] : table->second.elements) {
    if (key.first == set.set) found.push_back(element);
  }
  return found;
}

std::string FakeHost::dump() const {
  std::string text;
  for (const auto& [ns, space] : namespaces_) {
    text += "namespace " + std::to_string(ns) + "\n" + namespace_text(namespaces_, space);
  }
  for (const auto& [key, table] : tables_) {
    text += std::string("table ") + nft::to_string(key.first) + " " + key.second + " layout " +
            std::to_string(table.spec.layout) + "\n";
    for (const auto& [place, element] : table.elements) {
      text += "  element " + place.first + " " + to_hex(element.key) + " : " + to_hex(element.data) + " '" +
              element.comment + "'\n";
    }
  }
  return text;
}

std::vector<std::string> FakeHost::contradictions() const {
  std::vector<std::string> found;
  for (const auto& [ns, space] : namespaces_) {
    std::set<std::string> names;
    std::map<std::uint32_t, std::size_t> ports;
    for (const auto& [index, link] : space.links) {
      const LinkState& s = link.state;
      const std::string who = std::to_string(ns) + "/" + s.name + ": ";
      if (s.index.value != index) found.push_back(who + "stored under another index");
      if (!names.insert(s.name).second) found.push_back(who + "name is not unique");
      if (s.master) {
        const auto master = space.links.find(s.master->value);
        if (master == space.links.end() || master->second.state.kind != "bridge")
          found.push_back(who + "master is no bridge");
        if (++ports[s.master->value] > kMaxPorts) found.push_back(who + "one port too many");
      } else if (!s.port.empty()) {
        found.push_back(who + "port options without a master");
      }
      if (s.kind == "veth") {
        const auto peer_ns = namespaces_.find(link.peer_namespace);
        const bool known =
            s.link && peer_ns != namespaces_.end() && peer_ns->second.links.contains(s.link->value);
        if (!known || peer_ns->second.links.at(s.link->value).state.link != s.index)
          found.push_back(who + "peers do not agree");
      }
      std::set<IfaceAddress> addresses;
      for (const AddressState& address : link.addresses) {
        if (address.link != s.index) found.push_back(who + "address of another link");
        if (!addresses.insert(address.address).second) found.push_back(who + "address twice");
      }
    }
    for (const RouteSpec& route : space.routes) {
      for (const NextHop& hop : route.hops) {
        const auto link = space.links.find(hop.index.value_or(LinkIndex{}).value);
        if (link == space.links.end() || !link->second.state.up) {
          found.push_back("route " + route.destination.to_string() + " by a link that is gone or down");
        }
      }
      if (route.hops.empty()) found.push_back("route " + route.destination.to_string() + " without hops");
    }
    for (const auto& [key, value] : space.sysctls) {
      const std::size_t conf = key.find("/conf/");
      if (conf == std::string::npos) continue;
      const std::string owner = key.substr(conf + 6, key.rfind('/') - conf - 6);
      if (owner != "all" && owner != "default" && !names.contains(owner))
        found.push_back(key + " of no link");
    }
  }
  return found;
}

}  // namespace fairlead::test
