// Read from containernetworking/plugins 1.1.1 to 1.9.1 (pkg/ip/ipmasq_*.go, pkg/link/spoofcheck.go,
// pkg/utils/utils.go), and from what they leave in a kernel.
//
// Its tables and base chains stay, as they do after its own DEL: other attachments use them, and so do other
// programs.
#include "firewall/reference_rules.hpp"

#include "fairlead/digest.hpp"

namespace fairlead::firewall {
namespace {

// Texts are joined without a separator there.
std::string hash(const std::string& text, std::size_t length) {
  return to_hex(sha512_of(text)).substr(0, length);
}

Op removal(Action action) { return Op{.side = Side::kHost, .action = std::move(action)}; }

Op remove_chain(nft::Family family, const char* table, std::string chain, std::string jumps_from) {
  return removal(RemoveChain{.chain = {.family = family, .table = table, .chain = std::move(chain)},
                             .jumps_from = std::move(jumps_from)});
}

}  // namespace

// Without the interface's name, as is the comment of its rules (`name: "net" id: "cid"`): the attachments of
// one container to one network share the chain. Only the addresses in the jumps to it tell them apart, and
// DEL has those from a prevResult alone, which need not come. So the chain goes with the first of them: kept,
// it would masquerade whoever gets the address next, for good, while the other attachment fares no worse than
// by the reference's own DEL. That takes its own jump, empties the chain, and fails, since the chain cannot
// be deleted as long as the other jump is there.
std::string reference_chain(const std::string& network, const std::string& container_id) {
  return "CNI-" + hash(network + container_id, 24);
}

Plan reference_rules(const std::string& network, const std::string& container_id, const std::string& ifname) {
  Plan removals;
  // ipMasq, by way of iptables-nft.
  const std::string masquerade = reference_chain(network, container_id);
  for (const nft::Family family : {nft::Family::kIp, nft::Family::kIp6}) {
    removals.push_back(remove_chain(family, "nat", masquerade, "POSTROUTING"));
  }
  // ipMasq with ipMasqBackend nftables (since 1.6): the comment goes on with names that may be cut off.
  removals.push_back(removal(RemoveRules{
      .chain = {.family = nft::Family::kInet, .table = "cni_plugins_masquerade", .chain = "masq_checks"},
      .comment_prefix = hash(network, 16) + "-" + hash(ifname + ":" + container_id, 16)}));
  // macspoofchk: a chain that jumps to another. The inner one first, while the outer one's rules are there.
  const std::string spoof_check = "cni-br-iface-" + container_id + "-" + ifname;
  removals.push_back(remove_chain(nft::Family::kBridge, "nat", spoof_check + "-mac", spoof_check));
  removals.push_back(remove_chain(nft::Family::kBridge, "nat", spoof_check, "PREROUTING"));
  return removals;
}

}  // namespace fairlead::firewall
