// veth pairs (drivers/net/veth.c). The far end is born in its own namespace; moving it there afterwards
// costs 14 ms of grace periods.
#include "kernel/link_codec.hpp"

namespace fairlead::kernel {

void encode_veth(nl::Encoder<nl::LinkInfo>& info, const VethLink& veth, const LinkRefs& refs) {
  info.nest(nl::LinkInfo::veth, [&](nl::Encoder<nl::VethData> data) {
    // Not up yet: veth_open refuses an end whose peer is not registered (ENOTCONN).
    data.nest(nl::VethData::peer, ifinfomsg{}, [&](nl::Encoder<nl::Link> peer) {
      peer.put(nl::Link::name, veth.peer.name.str());
      if (veth.peer.mac) peer.put(nl::Link::address, std::as_bytes(std::span(veth.peer.mac->bytes())));
      if (veth.peer.mtu) peer.put(nl::Link::mtu, veth.peer.mtu->bytes());
      if (refs.peer_netns) peer.put(nl::Link::netns_fd, static_cast<std::uint32_t>(*refs.peer_netns));
      peer.put(nl::Link::tx_queues, 1U).put(nl::Link::rx_queues, 1U);
    });
  });
}

}  // namespace fairlead::kernel
