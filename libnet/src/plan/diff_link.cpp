#include "base/quote.hpp"
#include "plan/differ.hpp"
#include "plan/where.hpp"

namespace fairlead {
namespace {

/// A change of one link: the fields to set, and why.
class Change {
 public:
  explicit Change(const LinkName& name) : spec_{.name = name, .kind = ExistingLink{}} {}
  LinkSpec& because(const std::string& reason) {
    if (!reason_.empty()) reason_ += "; ";
    reason_ += reason;
    return spec_;
  }
  void add_to(PlanDraft& draft, Want want, Side side) && {
    if (reason_.empty()) return;
    want.side = side;
    draft.add(want, ChangeLink{std::move(spec_)}, std::move(reason_));
  }

 private:
  LinkSpec spec_;
  std::string reason_{};
};

std::string is_want(const char* what, const std::string& is, const std::string& want) {
  return std::string(what) + " is " + is + ", want " + want;
}

std::string on_off(bool value) { return value ? "on" : "off"; }

std::string text_of(const std::optional<MacAddress>& mac) { return mac ? mac->to_string() : "none"; }

void compare_mac(Change& change, const std::optional<MacAddress>& want, const LinkState& state) {
  if (want && state.mac != want) {
    change.because(is_want("mac", text_of(state.mac), want->to_string())).mac = want;
  }
}

void compare_mtu(Change& change, const std::optional<Mtu>& want, const LinkState& state) {
  if (want && state.mtu != want->bytes()) {
    change.because(is_want("mtu", std::to_string(state.mtu), std::to_string(want->bytes()))).mtu = want;
  }
}

// A port that changes its bridge loses the options it had (del_nbp), so they are set again.
void compare_port(Change& change, const LinkSpec& want, const Observed::Link& seen) {
  const LinkState& state = *seen.state;
  if (want.master && (!seen.master || state.master != seen.master)) {
    LinkSpec& spec = change.because(
        state.master ? is_want("master", "link #" + std::to_string(state.master->value), want.master->str())
                     : "has no master, want " + want.master->str());
    spec.master = want.master;
    spec.port = want.port;
    return;
  }
  const bool hairpin = state.port.hairpin.value_or(false);
  if (want.port.hairpin && *want.port.hairpin != hairpin) {
    change.because(is_want("hairpin", on_off(hairpin), on_off(*want.port.hairpin))).port.hairpin =
        want.port.hairpin;
  }
  const bool isolated = state.port.isolated.value_or(false);
  if (want.port.isolated && *want.port.isolated != isolated) {
    change.because(is_want("isolated", on_off(isolated), on_off(*want.port.isolated))).port.isolated =
        want.port.isolated;
  }
}

void compare_flags(Change& change, const LinkSpec& want, const LinkState& state) {
  if (want.promisc && *want.promisc != state.promisc_flag) {
    change.because(is_want("promisc", on_off(state.promisc_flag), on_off(*want.promisc))).promisc =
        want.promisc;
  }
  if (want.up && *want.up != state.up) {
    change.because(state.up ? "is up, want down" : "is down, want up").up = want.up;
  }
}

void compare_bridge(Change& change, const LinkSpec& want, const LinkState& state) {
  const auto* bridge = std::get_if<BridgeLink>(&want.kind);
  if (bridge == nullptr) return;
  BridgeLink options;
  const auto note = [&](const std::string& reason) { change.because(reason).kind = options; };
  const bool filtering = state.bridge.vlan_filtering.value_or(false);
  if (bridge->vlan_filtering && *bridge->vlan_filtering != filtering) {
    options.vlan_filtering = bridge->vlan_filtering;
    note(is_want("vlan_filtering", on_off(filtering), on_off(*bridge->vlan_filtering)));
  }
  // A kernel whose bridges do not filter VLANs shows no default one, and takes any.
  const auto pvid = state.bridge.vlan_default_pvid;
  if (bridge->vlan_default_pvid && pvid && *bridge->vlan_default_pvid != *pvid) {
    options.vlan_default_pvid = bridge->vlan_default_pvid;
    note(is_want("vlan_default_pvid", std::to_string(*pvid), std::to_string(*bridge->vlan_default_pvid)));
  }
}

void compare_all(Change& change, const LinkSpec& want, const Observed::Link& seen) {
  compare_mac(change, want.mac, *seen.state);
  compare_mtu(change, want.mtu, *seen.state);
  compare_bridge(change, want, *seen.state);
  compare_port(change, want, seen);
  if (want.alias && *want.alias != seen.state->alias) {
    change.because(is_want("alias", quoted(seen.state->alias), quoted(*want.alias))).alias = want.alias;
  }
  compare_flags(change, want, *seen.state);
}

void compare_shared(Change& change, const WantLink& want, const LinkState& state) {
  LinkSpec raise = want.spec;
  if (!raise.promisc.value_or(false)) raise.promisc.reset();
  if (!raise.up.value_or(false)) raise.up.reset();
  compare_flags(change, raise, state);
  if (want.pin_mac && state.mac && state.alias != want.spec.alias.value_or("")) {
    change.because("mac would follow the ports").mac = state.mac;
  }
}

bool has_changes(const LinkSpec& s) {
  const auto* bridge = std::get_if<BridgeLink>(&s.kind);
  if (bridge != nullptr && *bridge != BridgeLink{}) return true;
  return s.mac || s.mtu || s.master || s.up || s.promisc || s.alias || s.arp_notify || !s.port.empty();
}

// Names can be reused, so the pair is known by its indices, which each end tells of the other, and by
// whether these are indices of another namespace.
bool is_pair(const LinkState& end, Side end_side, const LinkState& peer, Side peer_side) {
  const bool apart = end_side != peer_side;
  return end.link == peer.index && peer.link == end.index && end.link_nsid.has_value() == apart &&
         peer.link_nsid.has_value() == apart;
}

Unexpected already_exists(const std::string& name, Side side) {
  return {
      Errc::kExists, name_taken(side, name),
      side == Side::kHost ? "delete the attachment that it is left from" : "choose another interface name"};
}

Result<void> create(PlanDraft& draft, const Want& want, const LinkSpec& spec, std::string reason = {}) {
  insert_with_peer(draft.born, want.side, spec);
  draft.add(want, CreateLink{spec}, std::move(reason));
  return {};
}

// A wanted link that is missing: made, if its kind can be.
Result<void> diff_missing(PlanDraft& draft, const Want& want, const WantLink& wanted,
                          const Observed::Link& seen) {
  const LinkSpec& spec = wanted.spec;
  if (std::holds_alternative<ExistingLink>(spec.kind)) {
    if (!draft.born.contains({want.side, spec.name.str()})) return link_missing(spec.name.str(), want.side);
    if (has_changes(spec)) draft.add(want, ChangeLink{spec});
    if (wanted.operational) draft.add(want, AwaitOperational{spec.name});
    if (wanted.announce) {
      draft.add(want, ChangeLink{{.name = spec.name, .kind = ExistingLink{}, .mac = wanted.announce}},
                "announces its addresses");
    }
    return {};
  }
  if (const auto* veth = std::get_if<VethLink>(&spec.kind); veth != nullptr && seen.peer) {
    return already_exists(veth->peer.name.str(), veth->peer.side);
  }
  return create(draft, want, spec);
}

// A veth whose host end exists: its peer is the other link we know, is missing, or is a stranger.
Result<void> diff_veth(PlanDraft& draft, const Want& want, const WantLink& wanted,
                       const Observed::Link& seen) {
  const VethPeer& peer = std::get<VethLink>(wanted.spec.kind).peer;
  const std::string peer_place = place(peer.name.str(), peer.side);
  if (!seen.peer) {
    const std::string reason = "its peer is not " + peer_place;
    draft.add(want, DeleteLink{wanted.spec.name}, reason);
    return create(draft, want, wanted.spec, reason);
  }
  if (!is_pair(*seen.state, want.side, *seen.peer, peer.side)) {
    return Unexpected(Errc::kExists, peer_place + " exists and is not the peer of " + wanted.spec.name.str(),
                      "delete one of the two links");
  }
  Change change(wanted.spec.name);
  compare_all(change, wanted.spec, seen);
  std::move(change).add_to(draft, want, want.side);
  Change peer_change(peer.name);
  compare_mac(peer_change, peer.mac, *seen.peer);
  compare_mtu(peer_change, peer.mtu, *seen.peer);
  std::move(peer_change).add_to(draft, want, peer.side);
  return {};
}

}  // namespace

Result<void> diff_link(PlanDraft& draft, const Want& want, const WantLink& wanted,
                       const Observed::Link& seen) {
  const LinkSpec& spec = wanted.spec;
  if (!seen.state || draft.born.contains({want.side, spec.name.str()})) {
    return diff_missing(draft, want, wanted, seen);
  }
  if (wanted.fresh) return already_exists(spec.name.str(), want.side);
  const std::string kind = kind_name(spec.kind);
  if (!kind.empty() && seen.state->kind != kind) {
    const std::string is = seen.state->kind.empty() ? "physical link" : seen.state->kind;
    return Unexpected(Errc::kExists,
                      place(spec.name.str(), want.side) + " exists and is a " + is + ", not a " + kind,
                      "choose another name or delete " + spec.name.str());
  }
  if (!want.shared && std::holds_alternative<VethLink>(spec.kind))
    return diff_veth(draft, want, wanted, seen);
  Change change(spec.name);
  if (want.shared) {
    compare_shared(change, wanted, *seen.state);
  } else {
    compare_all(change, spec, seen);
  }
  std::move(change).add_to(draft, want, want.side);
  return {};
}

}  // namespace fairlead
