// Bridges and their ports (net/bridge/br_netlink.c).
#include "kernel/link_codec.hpp"

namespace fairlead::kernel {

void encode_bridge(nl::Encoder<nl::LinkInfo>& info, const BridgeLink& bridge) {
  if (bridge == BridgeLink{}) return;
  info.nest(nl::LinkInfo::bridge, [&](nl::Encoder<nl::BridgeData> data) {
    data.put_if(nl::BridgeData::vlan_default_pvid, bridge.vlan_default_pvid);
    data.put_if(nl::BridgeData::vlan_filtering, bridge.vlan_filtering);
  });
}

void read_bridge(nl::AttrReader<nl::LinkInfo>& info, LinkState& state) {
  info.nest(nl::LinkInfo::bridge, [&state](nl::AttrReader<nl::BridgeData>& data) {
    state.stp = data.get(nl::BridgeData::stp_state).value_or(0) != 0;
    if (const auto filtering = data.get(nl::BridgeData::vlan_filtering)) {
      state.bridge.vlan_filtering = *filtering != 0;
    }
    state.bridge.vlan_default_pvid = data.get(nl::BridgeData::vlan_default_pvid);
  });
}

void encode_port(nl::Encoder<nl::LinkInfo>& info, const PortOptions& port) {
  info.nest(nl::LinkInfo::bridge_port, [&](nl::Encoder<nl::BridgePort> data) {
    data.put_if(nl::BridgePort::hairpin, port.hairpin);
    data.put_if(nl::BridgePort::isolated, port.isolated);
  });
}

void read_port(nl::AttrReader<nl::LinkInfo>& info, LinkState& state) {
  info.nest(nl::LinkInfo::bridge_port, [&state](nl::AttrReader<nl::BridgePort>& data) {
    if (const auto hairpin = data.get(nl::BridgePort::hairpin)) state.port.hairpin = *hairpin != 0;
    if (const auto isolated = data.get(nl::BridgePort::isolated)) state.port.isolated = *isolated != 0;
  });
}

}  // namespace fairlead::kernel
