#include "kernel/link_codec.hpp"

#include <linux/if.h>

namespace fairlead::kernel {

namespace {

using nl::Encoder;
using nl::Link;
using nl::LinkInfo;

ifinfomsg header_of(const LinkSpec& spec) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  const auto set = [&header](const std::optional<bool>& wanted, unsigned flag) {
    if (!wanted) return;
    header.ifi_change |= flag;
    if (*wanted) header.ifi_flags |= flag;
  };
  set(spec.up, IFF_UP);
  set(spec.promisc, IFF_PROMISC);
  return header;
}

ifinfomsg header_of(const LinkTarget& target) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  if (const auto* index = std::get_if<LinkIndex>(&target)) header.ifi_index = static_cast<int>(index->value);
  return header;
}

/// IFLA_IFNAME selects a link only without an index; beside one it would rename.
void put_name(Encoder<Link>& link, const LinkTarget& target) {
  if (const auto* name = std::get_if<LinkName>(&target)) link.put(Link::name, name->str());
}

void put_common(Encoder<Link>& link, const LinkSpec& spec, const LinkRefs& refs) {
  if (spec.mac) link.put(Link::address, std::as_bytes(std::span(spec.mac->bytes())));
  if (spec.mtu) link.put(Link::mtu, spec.mtu->bytes());
  if (refs.master) link.put(Link::master, refs.master->value);
}

bool empty(const LinkSpec& spec) {
  const auto* bridge = std::get_if<BridgeLink>(&spec.kind);
  return !spec.mac && !spec.mtu && !spec.master && !spec.up && !spec.promisc && !spec.alias &&
         !spec.arp_notify && spec.port.empty() && (bridge == nullptr || *bridge == BridgeLink{});
}

LinkSpec bare(const LinkSpec& spec) { return {.name = spec.name, .kind = ExistingLink{}}; }

/// What has to be in a second message of a change: do_setlink (net/core/rtnetlink.c) brings a link up
/// before it looks at IFLA_AF_SPEC, but arp_notify acts on the way up; and options of a port are taken
/// before IFLA_MASTER makes it one.
LinkSpec second_part(const LinkSpec& spec) {
  LinkSpec late = bare(spec);
  if (spec.arp_notify) late.up = spec.up;
  if (spec.master) late.port = spec.port;
  return late;
}

void put_change(Encoder<Link>& link, const LinkSpec& spec, const LinkRefs& refs) {
  put_common(link, spec, refs);
  if (spec.alias) link.put(Link::alias, *spec.alias);
  const auto* bridge = std::get_if<BridgeLink>(&spec.kind);
  const bool bridge_options = bridge != nullptr && *bridge != BridgeLink{};
  if (bridge_options || !spec.port.empty()) {
    link.nest(Link::info, [&](Encoder<LinkInfo> info) {
      if (bridge_options) {
        // Without the kind the kernel does not know whose options these are (rtnl_newlink: EOPNOTSUPP).
        info.put(LinkInfo::kind, kind_name(spec.kind));
        encode_bridge(info, *bridge);
      }
      if (!spec.port.empty()) encode_port(info, spec.port);
    });
  }
  if (spec.arp_notify) {
    link.nest(Link::families, [&](Encoder<nl::FamilySpec> families) {
      families.nest(nl::FamilySpec::inet, [&](Encoder<nl::InetSpec> inet) {
        inet.nest(nl::InetSpec::conf, [&](Encoder<nl::InetConf> conf) {
          conf.put(nl::InetConf::arp_notify, *spec.arp_notify ? 1U : 0U);
        });
      });
    });
  }
}

Result<void> add_change_part(nl::Batch& batch, const LinkTarget& target, const LinkSpec& spec,
                             const LinkRefs& refs) {
  ifinfomsg header = header_of(spec);
  header.ifi_index = header_of(target).ifi_index;
  FAIRLEAD_CHECK(batch.add<Link>(RTM_NEWLINK, NLM_F_ACK, header, [&](Encoder<Link> link) {
    put_name(link, target);
    put_change(link, spec, refs);
  }));
  return {};
}

std::optional<LinkIndex> index_in(const std::optional<std::uint32_t>& value) {
  return value && *value != 0 ? std::optional(LinkIndex{*value}) : std::nullopt;
}

void read_header(const ifinfomsg& header, LinkState& state) {
  state.index = LinkIndex{static_cast<std::uint32_t>(header.ifi_index)};
  state.up = (header.ifi_flags & IFF_UP) != 0;
  state.lower_up = (header.ifi_flags & IFF_LOWER_UP) != 0;
  state.loopback = (header.ifi_flags & IFF_LOOPBACK) != 0;
  state.promisc_flag = (header.ifi_flags & IFF_PROMISC) != 0;
}

void read_info(nl::AttrReader<LinkInfo>& info, LinkState& state) {
  state.kind = info.get(LinkInfo::kind).value_or("");
  state.port_kind = info.get(LinkInfo::port_kind).value_or("");
  if (state.kind == "bridge") read_bridge(info, state);
  if (state.port_kind == "bridge") read_port(info, state);
}

}  // namespace

std::optional<LinkSpec> after_creation(const LinkSpec& spec) {
  LinkSpec late = bare(spec);
  // rtnl_create_link (net/core/rtnetlink.c) knows neither of these.
  late.alias = spec.alias;
  late.arp_notify = spec.arp_notify;
  late.port = spec.port;
  // A bridge takes an MTU for the administrator's own only from a change (br_change_mtu); one given at
  // creation is overwritten with the smallest of its ports, or with 1500 when the last port leaves.
  if (std::holds_alternative<BridgeLink>(spec.kind)) late.mtu = spec.mtu;
  if (spec.arp_notify) late.up = spec.up;
  return empty(late) ? std::nullopt : std::optional(late);
}

Result<std::size_t> add_create(nl::Batch& batch, const LinkSpec& spec, const LinkRefs& refs) {
  LinkSpec early = spec;
  if (spec.arp_notify) early.up.reset();
  if (std::holds_alternative<BridgeLink>(spec.kind)) early.mtu.reset();
  constexpr std::uint16_t kFlags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO;
  return batch.add<Link>(RTM_NEWLINK, kFlags, header_of(early), [&](Encoder<Link> link) {
    link.put(Link::name, spec.name.str());
    put_common(link, early, refs);
    const auto* veth = std::get_if<VethLink>(&spec.kind);
    // Two queues (one per CPU, up to the kernel's default) cost 70 us and memory, and serve nobody here.
    if (veth != nullptr) link.put(Link::tx_queues, 1U).put(Link::rx_queues, 1U);
    link.nest(Link::info, [&](Encoder<LinkInfo> info) {
      info.put(LinkInfo::kind, kind_name(spec.kind));
      if (veth != nullptr) encode_veth(info, *veth, refs);
      if (const auto* bridge = std::get_if<BridgeLink>(&spec.kind)) encode_bridge(info, *bridge);
    });
  });
}

Result<void> add_change(nl::Batch& batch, const LinkTarget& target, const LinkSpec& spec,
                        const LinkRefs& refs) {
  const LinkSpec late = second_part(spec);
  if (empty(late)) return add_change_part(batch, target, spec, refs);
  LinkSpec early = spec;
  if (late.up) early.up.reset();
  if (!late.port.empty()) early.port = {};
  FAIRLEAD_CHECK(add_change_part(batch, target, early, refs));
  return add_change_part(batch, target, late, {});
}

Result<std::size_t> add_delete(nl::Batch& batch, LinkIndex index) {
  return batch.add<Link>(RTM_DELLINK, NLM_F_ACK, header_of(LinkTarget(index)), [](Encoder<Link>) {});
}

Result<std::size_t> add_get(nl::Batch& batch, const LinkTarget& target) {
  return batch.add<Link>(RTM_GETLINK, 0, header_of(target), [&](Encoder<Link> link) {
    put_name(link, target);
    // Without the counters the answer is a third of its size.
    link.put(Link::ext_mask, RTEXT_FILTER_SKIP_STATS);
  });
}

Result<std::size_t> add_list_links(nl::Batch& batch) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  return batch.add<Link>(RTM_GETLINK, NLM_F_DUMP, header,
                         [](Encoder<Link> link) { link.put(Link::ext_mask, RTEXT_FILTER_SKIP_STATS); });
}

Result<LinkState> read_link(const nl::Message& message) {
  if (message.header.nlmsg_type != RTM_NEWLINK) return Unexpected(nl::malformed_error("not a link"));
  FAIRLEAD_TRY(const auto body, nl::split_body<ifinfomsg>(message.payload));
  nl::AttrReader<Link> attrs(body.attrs);
  LinkState state;
  read_header(body.header, state);
  state.name = attrs.get(Link::name).value_or("");
  state.mtu = attrs.get(Link::mtu).value_or(0);
  state.alias = attrs.get(Link::alias).value_or("");
  state.operstate = attrs.get(Link::operstate).value_or(0);
  state.promiscuity = attrs.get(Link::promiscuity).value_or(0);
  state.master = index_in(attrs.get(Link::master));
  state.link = index_in(attrs.get(Link::link));
  state.link_nsid = attrs.get(Link::link_netnsid);
  if (const auto address = attrs.get(Link::address); address && address->size() == MacAddress::kSize) {
    std::array<std::uint8_t, MacAddress::kSize> mac{};
    std::memcpy(mac.data(), address->data(), mac.size());
    state.mac = MacAddress(mac);
  }
  attrs.nest(Link::info, [&state](nl::AttrReader<LinkInfo>& info) { read_info(info, state); });
  FAIRLEAD_CHECK(attrs.finish());
  if (state.index.value == 0 || state.name.empty()) {
    return Unexpected(nl::malformed_error("a link without index or name"));
  }
  return state;
}

}  // namespace fairlead::kernel
