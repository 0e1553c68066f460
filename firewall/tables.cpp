#include "firewall/tables.hpp"

namespace fairlead::firewall {
namespace {

using nft::FieldType;
using nft::MetaKey;
using nft::MetaLoad;
using nft::PayloadField;
using nft::PayloadLoad;

constexpr const char* kTable = "fairlead";
constexpr const char* kPostrouting = "postrouting";
constexpr std::int32_t kSrcnat = 100;  // NF_IP_PRI_NAT_SRC

const char* masquerade_name(IpFamily family) { return family == IpFamily::kV4 ? "masq4" : "masq6"; }
const char* exempt_name(IpFamily family) { return family == IpFamily::kV4 ? "masq_exempt4" : "masq_exempt6"; }

/// One rule per family. The decision falls with the first packet of a connection (the nat hook sees no
/// other), so replies, also those to connections from outside, are never touched.
///
/// - iifname . saddr: a container's own packets where the host routes them. A frame that br_netfilter
///   lifts into this hook has no input link here (br_nf_post_routing passes NULL), so what stays inside a
///   bridge does not match, and bridge-nf-call-iptables makes no difference; packets of the host itself
///   have none either. It also keeps a spoofed source from another link from being masqueraded.
/// - saddr . oifname: routed, but back into the same bridge, as between two networks that share it.
/// - multicast keeps its source: a group's members expect the sender's address, and an answer to a
///   masqueraded group packet could not be mapped back. Linux 6.18 shows routed multicast without its input
///   link (ip_mc_output() passes none, ip6mr_forward2() the outgoing one), so it does not match as it is;
///   the rule does not rely on that.
nft::RuleSpec masquerade_rule(IpFamily family) {
  const bool v4 = family == IpFamily::kV4;
  const PayloadLoad source{v4 ? PayloadField::kIpSaddr : PayloadField::kIp6Saddr};
  const PayloadLoad destination{v4 ? PayloadField::kIpDaddr : PayloadField::kIp6Daddr};
  nft::Bytes multicast(v4 ? 4 : 16, 0), mask(multicast.size(), 0);
  multicast[0] = v4 ? 224 : 0xff;
  mask[0] = v4 ? 0xf0 : 0xff;
  return {.chain = kPostrouting,
          .exprs = {
              nft::Lookup{.load = {MetaLoad{MetaKey::kIifname}, source}, .set = masquerade_name(family)},
              nft::Lookup{
                  .load = {source, MetaLoad{MetaKey::kOifname}}, .set = exempt_name(family), .invert = true},
              nft::Compare{.load = destination, .value = multicast, .mask = mask, .invert = true},
              nft::Masquerade{}}};
}

nft::SetRef set(const char* name) { return {.family = nft::Family::kInet, .table = kTable, .set = name}; }

}  // namespace

nft::SetRef masquerade_set(IpFamily family) { return set(masquerade_name(family)); }
nft::SetRef masquerade_exempt_set(IpFamily family) { return set(exempt_name(family)); }

nft::TableSpec inet_table() {
  nft::TableSpec table{.family = nft::Family::kInet, .name = kTable, .layout = 1};
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    const FieldType address = family == IpFamily::kV4 ? FieldType::kIpv4Addr : FieldType::kIpv6Addr;
    table.sets.push_back({.name = masquerade_name(family), .key = {FieldType::kIfname, address}});
    table.sets.push_back({.name = exempt_name(family), .key = {address, FieldType::kIfname}});
    table.rules.push_back(masquerade_rule(family));
  }
  table.chains.push_back({.name = kPostrouting,
                          .type = nft::ChainType::kNat,
                          .hook = nft::Hook::kPostrouting,
                          .priority = kSrcnat});
  return table;
}

}  // namespace fairlead::firewall
