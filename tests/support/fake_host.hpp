// A model of a host's network state for unit tests: what rtnetlink, /proc/sys/net and nf_tables keep and
// what they refuse, as far as an attachment can tell. The contract suite (tests/contract) holds it to the
// running kernel.
//
// Duplicate address detection takes no time: it is over when somebody waits for it.
//
// Not modelled: packets, neighbours, automatic link-local addresses, the
// dead hops that an IPv4 multipath route keeps, the text of rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "fairlead/address.hpp"
#include "fairlead/link.hpp"
#include "fairlead/nft.hpp"
#include "fairlead/route.hpp"

namespace fairlead::test {

/// Why the kernel refused, nothing if it did not.
struct Refusal {
  int err = 0;
  std::string text{};  ///< the extended acknowledgement, if this case has one
};
using Verdict = std::optional<Refusal>;

struct FakeLink {
  LinkState state;
  std::size_t peer_namespace = 0;  ///< of a veth
  bool mac_set = false;            ///< NET_ADDR_SET: a bridge does not take a port's MAC then
  bool mtu_set = false;            ///< BROPT_MTU_SET_BY_USER
  std::vector<AddressState> addresses{};
};

struct FakeNamespace {
  std::uint64_t cookie = 0;
  std::uint32_t next_index = 1;
  std::map<std::uint32_t, FakeLink> links{};
  std::vector<RouteSpec> routes{};  ///< hops by index; connected routes are derived from the addresses
  std::map<std::string, std::string> sysctls{};
  bool read_only = false;  ///< /proc/sys is mounted so

  [[nodiscard]] FakeLink* find(const std::string& name);
  [[nodiscard]] FakeLink* find(LinkIndex index);
};

/// The value that a sysctl has in a new namespace.
[[nodiscard]] std::string initial_sysctl(const std::string& key);

struct FakeTable {
  nft::TableSpec spec;
  std::map<std::pair<std::string, nft::Bytes>, nft::Element> elements{};  ///< by set and key
};

/// A host and the namespaces on it. Copies are snapshots.
class FakeHost {
 public:
  using Ns = std::size_t;
  static constexpr Ns kHostNs = 0;
  static constexpr std::size_t kMaxPorts = 1023;  // BR_MAX_PORTS; port number 0 is not given out

  FakeHost();

  /// A new namespace with a lo that is down.
  Ns add_namespace();
  /// The death of a namespace: its links go, and with them the far ends of its veth pairs.
  void remove_namespace(Ns ns);
  [[nodiscard]] FakeNamespace& at(Ns ns) { return namespaces_.at(ns); }

  // What the kernel does on request. Each either happens as a whole or is refused.
  Verdict create_link(Ns ns, const LinkSpec& spec, Ns peer_ns);
  Verdict change_link(Ns ns, const LinkSpec& spec);
  Verdict delete_link(Ns ns, const std::string& name);
  Verdict await_operational(Ns ns, const std::string& name);
  /// The links that somebody waited for so.
  [[nodiscard]] const std::vector<std::string>& awaited() const { return awaited_; }
  Verdict add_address(Ns ns, const std::string& link, const AddressSpec& spec);
  Verdict remove_address(Ns ns, const std::string& link, const IfaceAddress& address);
  Verdict add_route(Ns ns, const RouteSpec& route);
  Verdict remove_route(Ns ns, const RouteSpec& route);
  Verdict set_sysctl(Ns ns, const std::string& key, const std::string& value);
  Verdict ensure_table(const nft::TableSpec& table);
  Verdict add_element(const nft::Element& element);
  Verdict remove_element(const nft::Element& element);
  Verdict remove_chain(const nft::ChainRef& chain, const std::string& jumps_from);
  Verdict remove_rules(const nft::ChainRef& chain, const std::string& comment_prefix);

  /// A chain of legacy iptables, which only its own program can change.
  void add_legacy_chain(IpFamily family, const std::string& table, const std::string& chain) {
    legacy_chains_.emplace(family, table, chain);
  }
  [[nodiscard]] bool has_legacy_chain(IpFamily family, const std::string& table,
                                      const std::string& chain) const {
    return legacy_chains_.contains({family, table, chain});
  }

  /// Duplicate address detection on a link with a carrier comes to its end.
  void detect_duplicates(Ns ns, LinkIndex link);

  /// The link as a GETLINK shows it, carrier and operational state worked out.
  [[nodiscard]] LinkState observed(Ns ns, const FakeLink& link);
  /// Main and other tables, connected routes included.
  [[nodiscard]] std::vector<RouteSpec> all_routes(Ns ns);
  /// Ours, complete, and of that layout or a newer one.
  [[nodiscard]] bool has_table(const nft::TableSpec& wanted) const;
  [[nodiscard]] const nft::Element* element(const nft::Element& wanted) const;
  [[nodiscard]] std::vector<nft::Element> elements(const nft::SetRef& set) const;

  // For tests that break something behind the program's back.
  void unplug(Ns ns, const std::string& port);
  void rename(Ns ns, const std::string& link, const std::string& name);
  /// Another host on every network has the address.
  void occupy(const IpAddress& address) { occupied_.insert(address); }
  void drop_tables() { tables_.clear(); }
  void flush_rules();  ///< `nft flush table` of every table: elements stay

  /// Everything, as text, without numbers that mere use changes (link indices); sysctls where they differ
  /// from those of a new namespace.
  [[nodiscard]] std::string dump() const;
  /// What is contradictory in the state; empty unless the model is wrong.
  [[nodiscard]] std::vector<std::string> contradictions() const;

 private:
  using TableKey = std::pair<nft::Family, std::string>;

  FakeLink& insert_link(Ns ns, const std::string& name, const std::string& kind);
  void erase_link(Ns ns, LinkIndex index);
  void drop_hops(Ns ns, LinkIndex index);
  void set_up(Ns ns, FakeLink& link, bool up);
  void plug(Ns ns, FakeLink& port, FakeLink& bridge);
  void unplug(Ns ns, FakeLink& port);
  void follow_ports(Ns ns, FakeLink& bridge);
  void set_fields(Ns ns, FakeLink& link, const LinkSpec& spec);
  [[nodiscard]] Verdict check_fields(Ns ns, const LinkSpec& spec, const FakeLink* existing);
  [[nodiscard]] Verdict check_master(Ns ns, const LinkSpec& spec, const FakeLink* existing);
  [[nodiscard]] Verdict check_hop(Ns ns, const RouteSpec& route, NextHop& hop);
  [[nodiscard]] bool has_local_address(Ns ns, const IpAddress& address) const;
  MacAddress next_mac();

  std::map<Ns, FakeNamespace> namespaces_{};
  std::map<TableKey, FakeTable> tables_{};
  std::set<IpAddress> occupied_{};
  std::set<std::tuple<IpFamily, std::string, std::string>> legacy_chains_{};
  std::vector<std::string> awaited_{};
  Ns next_namespace_ = 0;
  std::uint32_t next_mac_ = 1;
};

}  // namespace fairlead::test
