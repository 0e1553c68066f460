#include "nl/link_attrs.hpp"

namespace fairlead::nl {

const AttrTable& BridgeData::table() {
  static constexpr AttrInfo kAttrs[] = {stp_state, vlan_filtering, vlan_default_pvid};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& BridgePort::table() {
  static constexpr AttrInfo kAttrs[] = {hairpin, isolated};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& VethData::table() {
  static constexpr AttrInfo kAttrs[] = {peer};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& LinkInfo::table() {
  static constexpr AttrInfo kAttrs[] = {kind, bridge, veth, port_kind, bridge_port};
  static constexpr AttrTable kTable{kAttrs, IFLA_INFO_KIND};
  return kTable;
}

const AttrTable& InetConf::table() {
  static constexpr AttrInfo kAttrs[] = {arp_notify};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& InetSpec::table() {
  static constexpr AttrInfo kAttrs[] = {conf};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& FamilySpec::table() {
  static constexpr AttrInfo kAttrs[] = {inet};
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

const AttrTable& Link::table() {
  static constexpr AttrInfo kAttrs[] = {
      address,  name,     mtu,      link,        master,    operstate, info,         alias,
      families, netns_fd, ext_mask, promiscuity, tx_queues, rx_queues, link_netnsid,
  };
  static constexpr AttrTable kTable{kAttrs};
  return kTable;
}

}  // namespace fairlead::nl
