#include <algorithm>
#include <map>

#include "fairlead/plan.hpp"
#include "plan/touch.hpp"

namespace fairlead {
namespace {

// One observation. Answers are kept for its duration: the bridge of an attachment is a wanted link, the
// master of the veth and the owner of a gateway address, and is asked for once.
class Observer {
 public:
  Observer(Kernel& kernel, LinkSet unasked) : kernel_(kernel), unasked_(std::move(unasked)) {}

  Result<Observed::Link> observe(Side side, const WantLink& want) {
    Observed::Link seen;
    FAIRLEAD_TRY(seen.state, link(side, want.spec.name));
    if (const auto* veth = std::get_if<VethLink>(&want.spec.kind)) {
      FAIRLEAD_TRY(seen.peer, link(veth->peer.side, veth->peer.name));
    }
    if (want.spec.master && seen.state) {  // only the port of a link that is there can be another's
      FAIRLEAD_TRY(auto master, link(side, *want.spec.master));
      if (master) seen.master = master->index;
    }
    return seen;
  }

  Result<Observed::Addresses> observe(Side side, const WantAddress& want) {
    Observed::Addresses seen;
    FAIRLEAD_TRY(auto owner, link(side, want.link));
    if (!owner) return seen;
    seen.link_exists = true;
    const std::pair key(side, owner->index);
    auto known = addresses_.find(key);
    if (known == addresses_.end()) {
      FAIRLEAD_TRY(auto listed, kernel_.addresses(side, owner->index));
      known = addresses_.emplace(key, std::move(listed)).first;
    }
    for (const AddressState& address : known->second) {
      if (address.address.family() == want.address.address.family()) seen.addresses.push_back(address);
    }
    return seen;
  }

  Result<Observed::Routes> observe(Side side, const WantRoute& want) {
    Observed::Routes seen;
    for (const NextHop& hop : want.route.hops) {
      if (!hop.link) continue;
      FAIRLEAD_TRY(auto state, link(side, *hop.link));
      if (!state) return seen;  // a route by a link that is not there is not there either
      seen.links.emplace(hop.link->str(), state->index);
    }
    RouteFilter filter{
        .family = want.route.destination.family(), .table = want.route.table, .all_tables = want.any_table};
    if (seen.links.size() == 1) filter.link = seen.links.begin()->second;
    FAIRLEAD_TRY(seen.routes, routes(side, filter));
    return seen;
  }

  Result<Observed::Sysctl> observe(Side side, const WantSysctl& want) {
    if (unasked_.contains({side, sysctl_link(want.key)})) return Observed::Sysctl{};
    FAIRLEAD_TRY(auto value, kernel_.sysctl(side, want.key));
    return Observed::Sysctl{.value = std::move(value)};
  }

  Result<Observed::Elements> observe(Side /*host only*/, const WantElements& want) {
    Observed::Elements seen;
    if (!want.elements.empty()) {
      FAIRLEAD_TRY(seen.present, kernel_.has_elements(want.elements));
    }
    // With something to add, the transaction looks at the tables itself.
    const bool all = std::find(seen.present.begin(), seen.present.end(), false) == seen.present.end();
    if (all && !want.tables.empty()) {
      FAIRLEAD_TRY(seen.tables, kernel_.has_tables(want.tables));
    }
    return seen;
  }

 private:
  Result<std::optional<LinkState>> link(Side side, const LinkName& name) {
    const std::pair key(side, name.str());
    if (unasked_.contains(key)) return std::optional<LinkState>{};
    if (const auto known = links_.find(key); known != links_.end()) return known->second;
    FAIRLEAD_TRY(auto state, kernel_.find_link(side, name));
    links_.emplace(key, state);
    return state;
  }

  Result<std::vector<RouteSpec>> routes(Side side, const RouteFilter& filter) {
    for (const auto& [asked, answer] : routes_) {
      if (asked.first == side && asked.second.family == filter.family && asked.second.link == filter.link &&
          asked.second.table == filter.table && asked.second.all_tables == filter.all_tables) {
        return answer;
      }
    }
    FAIRLEAD_TRY(auto answer, kernel_.routes(side, filter));
    routes_.emplace_back(std::pair(side, filter), answer);
    return answer;
  }

  Kernel& kernel_;
  LinkSet unasked_;
  std::map<std::pair<Side, std::string>, std::optional<LinkState>> links_{};
  std::map<std::pair<Side, LinkIndex>, std::vector<AddressState>> addresses_{};
  std::vector<std::pair<std::pair<Side, RouteFilter>, std::vector<RouteSpec>>> routes_{};
};

LinkSet fresh_container_links(const Desired& desired) {
  LinkSet all;
  for (const Want& want : desired) {
    const auto* link = std::get_if<WantLink>(&want.item);
    if (link != nullptr && link->fresh) insert_with_peer(all, want.side, link->spec);
  }
  std::erase_if(all, [](const auto& link) { return link.first != Side::kContainer; });
  return all;
}

}  // namespace

Result<Observed> observe(Kernel& kernel, const Desired& desired, bool skip_container) {
  Observer observer(kernel, skip_container ? fresh_container_links(desired) : LinkSet{});
  Observed observed;
  observed.items.reserve(desired.size());
  for (const Want& want : desired) {
    auto status = std::visit(
        [&](const auto& item) -> Result<void> {
          FAIRLEAD_TRY(auto seen, observer.observe(want.side, item));
          observed.items.emplace_back(std::move(seen));
          return {};
        },
        want.item);
    FAIRLEAD_CHECK(status);
  }
  return observed;
}

}  // namespace fairlead
