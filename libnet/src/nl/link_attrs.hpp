// Attributes of RTM_*LINK messages (linux/if_link.h, linux/veth.h, linux/if_bridge.h).
#pragma once

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include "nl/attr.hpp"

namespace fairlead::nl {

// Entries are named like the members that they stand for.
// NOLINTBEGIN(readability-identifier-naming)

/// IFLA_INFO_DATA of a bridge.
struct BridgeData {
  static constexpr std::uint16_t kMax = IFLA_BR_MAX;
  static constexpr Attr<BridgeData, IFLA_BR_STP_STATE, std::uint32_t> stp_state{"IFLA_BR_STP_STATE"};
  static constexpr Attr<BridgeData, IFLA_BR_VLAN_FILTERING, std::uint8_t> vlan_filtering{
      "IFLA_BR_VLAN_FILTERING"};
  static constexpr Attr<BridgeData, IFLA_BR_VLAN_DEFAULT_PVID, std::uint16_t> vlan_default_pvid{
      "IFLA_BR_VLAN_DEFAULT_PVID"};
  static const AttrTable& table();
};

/// IFLA_INFO_SLAVE_DATA of a bridge port.
struct BridgePort {
  static constexpr std::uint16_t kMax = IFLA_BRPORT_MAX;
  static constexpr Attr<BridgePort, IFLA_BRPORT_MODE, std::uint8_t> hairpin{"IFLA_BRPORT_MODE"};
  static constexpr Attr<BridgePort, IFLA_BRPORT_ISOLATED, std::uint8_t> isolated{"IFLA_BRPORT_ISOLATED"};
  static const AttrTable& table();
};

struct Link;

/// IFLA_INFO_DATA of a veth: the peer is a whole RTM_NEWLINK body of its own.
struct VethData {
  static constexpr std::uint16_t kMax = VETH_INFO_MAX;
  static constexpr Nest<VethData, VETH_INFO_PEER, Link, ifinfomsg> peer{"VETH_INFO_PEER"};
  static const AttrTable& table();
};

struct LinkInfo {
  static constexpr std::uint16_t kMax = IFLA_INFO_MAX;
  static constexpr Attr<LinkInfo, IFLA_INFO_KIND, Text> kind{"IFLA_INFO_KIND"};
  static constexpr Nest<LinkInfo, IFLA_INFO_DATA, BridgeData> bridge{"IFLA_INFO_DATA", "bridge"};
  static constexpr Nest<LinkInfo, IFLA_INFO_DATA, VethData> veth{"IFLA_INFO_DATA", "veth"};
  static constexpr Attr<LinkInfo, IFLA_INFO_SLAVE_KIND, Text> port_kind{"IFLA_INFO_SLAVE_KIND"};
  static constexpr Nest<LinkInfo, IFLA_INFO_SLAVE_DATA, BridgePort> bridge_port{"IFLA_INFO_SLAVE_DATA"};
  static const AttrTable& table();
};

/// IFLA_INET_CONF of a request: one number per configured item (in replies it is an array instead).
struct InetConf {
  static constexpr std::uint16_t kMax = IPV4_DEVCONF_MAX;
  static constexpr Attr<InetConf, IPV4_DEVCONF_ARP_NOTIFY, std::uint32_t> arp_notify{
      "IPV4_DEVCONF_ARP_NOTIFY"};
  static const AttrTable& table();
};
struct InetSpec {
  static constexpr std::uint16_t kMax = IFLA_INET_MAX;
  static constexpr Nest<InetSpec, IFLA_INET_CONF, InetConf> conf{"IFLA_INET_CONF"};
  static const AttrTable& table();
};
/// IFLA_AF_SPEC: one nest per address family.
struct FamilySpec {
  static constexpr std::uint16_t kMax = AF_INET6;
  static constexpr Nest<FamilySpec, AF_INET, InetSpec> inet{"AF_INET"};
  static const AttrTable& table();
};

struct Link {
  using Header = ifinfomsg;
  static constexpr std::uint16_t kMax = IFLA_MAX;
  static constexpr Attr<Link, IFLA_ADDRESS, Octets> address{"IFLA_ADDRESS"};
  static constexpr Attr<Link, IFLA_IFNAME, Text> name{"IFLA_IFNAME"};
  static constexpr Attr<Link, IFLA_MTU, std::uint32_t> mtu{"IFLA_MTU"};
  static constexpr Attr<Link, IFLA_LINK, std::uint32_t> link{"IFLA_LINK"};
  static constexpr Attr<Link, IFLA_MASTER, std::uint32_t> master{"IFLA_MASTER"};
  static constexpr Attr<Link, IFLA_OPERSTATE, std::uint8_t> operstate{"IFLA_OPERSTATE"};
  static constexpr Nest<Link, IFLA_LINKINFO, LinkInfo> info{"IFLA_LINKINFO"};
  static constexpr Attr<Link, IFLA_IFALIAS, BareText> alias{"IFLA_IFALIAS"};
  static constexpr Nest<Link, IFLA_AF_SPEC, FamilySpec> families{"IFLA_AF_SPEC"};
  static constexpr Attr<Link, IFLA_NET_NS_FD, std::uint32_t> netns_fd{"IFLA_NET_NS_FD"};
  static constexpr Attr<Link, IFLA_EXT_MASK, std::uint32_t> ext_mask{"IFLA_EXT_MASK"};
  static constexpr Attr<Link, IFLA_PROMISCUITY, std::uint32_t> promiscuity{"IFLA_PROMISCUITY"};
  static constexpr Attr<Link, IFLA_NUM_TX_QUEUES, std::uint32_t> tx_queues{"IFLA_NUM_TX_QUEUES"};
  static constexpr Attr<Link, IFLA_NUM_RX_QUEUES, std::uint32_t> rx_queues{"IFLA_NUM_RX_QUEUES"};
  static constexpr Attr<Link, IFLA_LINK_NETNSID, std::int32_t> link_netnsid{"IFLA_LINK_NETNSID"};
  static const AttrTable& table();
};

// NOLINTEND(readability-identifier-naming)

}  // namespace fairlead::nl
