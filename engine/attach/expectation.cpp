#include "engine/attach/expectation.hpp"

#include <algorithm>

namespace fairlead::engine {
namespace {

template <class T>
bool agrees(const std::optional<T>& told, const std::optional<T>& mine) {
  return !told || told == mine;
}

/// In whichever table it is by now. Plugins of older versions pass on a route without the keys that are new
/// to them.
bool is_same_route(const AttachedRoute& told, const AttachedRoute& mine) {
  return told.destination == mine.destination && agrees(told.gateway, mine.gateway) &&
         agrees(told.mtu, mine.mtu) && agrees(told.advmss, mine.advmss) &&
         agrees(told.priority, mine.priority) && agrees(told.scope, mine.scope);
}

/// Without the routes that prevResult no longer has.
AddressPlan still_told(AddressPlan recorded, const AddressPlan& told) {
  if (told.addresses.empty()) return recorded;  // nothing is known
  std::erase_if(recorded.routes, [&](const AttachedRoute& mine) {
    return std::none_of(told.routes.begin(), told.routes.end(),
                        [&](const AttachedRoute& route) { return is_same_route(route, mine); });
  });
  return recorded;
}

/// The MTU of the container's end, if prevResult says another one than ADD answered: then somebody set it and
/// said so. ADD's own may have been changed by somebody who did not; what the configuration names is no
/// better than that, and is all there is before CNI 1.1.0, whose results have an MTU first. So neither is
/// compared: no plugin is told who comes behind it in the chain.
std::optional<Mtu> mtu_set_since(const VethPeer& peer, const KnownAttachment& known) {
  const std::uint32_t answered = peer.mtu ? peer.mtu->bytes() : kEtherMtu;
  if (!known.mtu || *known.mtu == answered) return std::nullopt;
  const Result<Mtu> mtu = Mtu::make(*known.mtu);
  return mtu ? std::optional(*mtu) : std::nullopt;
}

// ADD sets them so that the addresses can be there, and whether they are is asked as well.
bool is_container_sysctl(const Want& want) {
  return want.side == Side::kContainer && std::holds_alternative<WantSysctl>(want.item);
}

// Steps of ADD's way, not of the state it leads to.
bool is_step(const Want& want) {
  const auto* link = std::get_if<WantLink>(&want.item);
  return link != nullptr && std::holds_alternative<ExistingLink>(link->spec.kind) &&
         (link->operational || link->announce);
}

void relax(Desired& wants, const KnownAttachment& known) {
  std::erase_if(wants, [](const Want& want) { return is_container_sysctl(want) || is_step(want); });
  for (Want& want : wants) {
    if (auto* route = std::get_if<WantRoute>(&want.item)) route->any_table = true;
    auto* link = std::get_if<WantLink>(&want.item);
    if (link == nullptr) continue;
    // An attachment that is checked exists: its links are compared, not refused as taken. Whether a MAC is
    // pinned cannot be seen.
    link->fresh = link->pin_mac = false;
    auto* pair = std::get_if<VethLink>(&link->spec.kind);
    if (pair != nullptr) pair->peer.mtu = mtu_set_since(pair->peer, known);
  }
}

/// Of a pair that others may have made, what prevResult and the configuration say.
void forget_ours(LinkSpec& spec, const KnownAttachment& known) {
  auto* pair = std::get_if<VethLink>(&spec.kind);
  if (pair == nullptr) return;
  spec.mac.reset();
  spec.mtu.reset();
  spec.alias.reset();
  pair->peer.mac = known.mac;
}

/// The reference writes mtu and advmss into its result and programs neither; its routes without a gateway
/// have another scope than ours.
void forget_ours(RouteSpec& route) {
  route.mtu.reset();
  route.advmss.reset();
  route.scope.reset();
  for (NextHop& hop : route.hops) hop.link.reset();  // a plugin behind may have brought a link of its own
}

}  // namespace

DesiredState expected_by_record(const Driver& driver, const AttachmentNames& names,
                                const AddressPlan& recorded, const KnownAttachment& known) {
  DesiredState state = driver.desired(names, still_told(recorded, known.addresses));
  relax(state.shared, known);
  relax(state.own, known);
  return state;
}

DesiredState expected_by_result(const Driver& driver, AttachmentNames names, const LinkName& host_end,
                                const KnownAttachment& known) {
  names.host_link = host_end;
  // Not completed: gateways and default routes are in prevResult, unless a plugin behind took them away.
  DesiredState state = driver.desired(names, known.addresses);
  relax(state.shared, known);
  relax(state.own, known);
  std::erase_if(state.own, [](const Want& want) { return std::holds_alternative<WantElements>(want.item); });
  for (Want& want : state.own) {
    if (auto* link = std::get_if<WantLink>(&want.item)) forget_ours(link->spec, known);
    if (auto* route = std::get_if<WantRoute>(&want.item)) forget_ours(route->route);
  }
  return state;
}

}  // namespace fairlead::engine
