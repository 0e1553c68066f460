// Links: what we want (LinkSpec) and what the kernel has (LinkState).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "fairlead/ids.hpp"
#include "fairlead/mac_address.hpp"

namespace fairlead {

/// Which of the two namespaces of an attachment an object is in.
enum class Side : std::uint8_t { kHost, kContainer };
[[nodiscard]] const char* to_string(Side side);
/// "eth0 exists already in the container": why a link of that name cannot be made.
[[nodiscard]] std::string name_taken(Side side, const std::string& name);

/// A Linux bridge (net/bridge). A MAC given at creation keeps the bridge from taking over the lowest
/// one of its ports (br_stp_recalculate_bridge_id).
struct BridgeLink {
  std::optional<bool> vlan_filtering{};
  std::optional<std::uint16_t> vlan_default_pvid{};  ///< 0 = none
  bool operator==(const BridgeLink&) const = default;
};

/// The far end of a veth pair. It is born in its namespace (IFLA_NET_NS_FD in VETH_INFO_PEER):
/// creating it here and moving it costs 14 ms.
struct VethPeer {
  Side side = Side::kContainer;
  LinkName name;
  std::optional<MacAddress> mac{};
  std::optional<Mtu> mtu{};
  bool operator==(const VethPeer&) const = default;
};

struct VethLink {
  VethPeer peer;
  bool operator==(const VethLink&) const = default;
};

/// A link of any kind that exists already and is only changed (lo).
struct ExistingLink {
  bool operator==(const ExistingLink&) const = default;
};

using LinkKind = std::variant<ExistingLink, BridgeLink, VethLink>;
/// IFLA_INFO_KIND ("bridge", "veth"); empty for ExistingLink.
[[nodiscard]] const char* kind_name(const LinkKind& kind);

/// Options of a bridge port (IFLA_BRPORT_*); unset ones stay as they are.
struct PortOptions {
  std::optional<bool> hairpin{};
  std::optional<bool> isolated{};
  bool operator==(const PortOptions&) const = default;
  [[nodiscard]] bool empty() const { return !hairpin && !isolated; }
};

/// A link as wanted. Unset fields: the kernel's default at creation, left alone afterwards.
struct LinkSpec {
  LinkName name;
  LinkKind kind;
  std::optional<MacAddress> mac{};
  std::optional<Mtu> mtu{};
  std::optional<LinkName> master{};  ///< in the same namespace
  std::optional<bool> up{};
  std::optional<bool> promisc{};
  std::optional<std::string> alias{};  ///< IFLA_IFALIAS, at most 255 bytes; "" takes it away
  PortOptions port{};
  std::optional<bool> arp_notify{};  ///< net.ipv4.conf.*.arp_notify, set through IFLA_AF_SPEC
  bool operator==(const LinkSpec&) const = default;
};

/// IF_OPER_UP (linux/if.h): RFC 2863, ifOperStatus "up".
inline constexpr std::uint8_t kOperUp = 6;

/// A link as observed.
struct LinkState {
  LinkIndex index;
  std::string name{};
  std::string kind{};               ///< IFLA_INFO_KIND; empty for physical links and lo
  std::string port_kind{};          ///< IFLA_INFO_SLAVE_KIND: what its master is ("bridge")
  std::optional<MacAddress> mac{};  ///< unset when the hardware address is not 6 bytes
  std::uint32_t mtu = 0;            ///< bytes
  bool up = false;                  ///< IFF_UP: administrative state
  bool lower_up = false;            ///< IFF_LOWER_UP: carrier
  bool loopback = false;            ///< IFF_LOOPBACK
  std::uint32_t promiscuity = 0;    ///< IFLA_PROMISCUITY: users of promiscuous mode
  bool promisc_flag = false;        ///< IFF_PROMISC: set by an administrator
  std::uint8_t operstate = 0;       ///< RFC 2863 (IF_OPER_*); see is_operational()
  std::optional<LinkIndex> master{};
  /// IFLA_LINK: of a veth its peer, of a VLAN or tunnel the link below; an index in that one's namespace.
  std::optional<LinkIndex> link{};
  std::optional<std::int32_t> link_nsid{};  ///< IFLA_LINK_NETNSID, if that one is elsewhere
  std::string alias{};
  PortOptions port{};   ///< filled for bridge ports
  BridgeLink bridge{};  ///< filled for bridges
  /// IFLA_BR_STP_STATE of a bridge: with the spanning tree protocol a port forwards only after twice the
  /// forward delay (30 seconds), whatever its operational state.
  bool stp = false;
};

/// Whether the link carries frames, as far as its state tells (RFC 2863, ifOperStatus "up").
[[nodiscard]] bool is_operational(const LinkState& link);

}  // namespace fairlead
