#include <algorithm>

#include "plan/differ.hpp"

namespace fairlead {
namespace {

constexpr std::uint32_t kTableMain = 254;          // RT_TABLE_MAIN
constexpr std::uint32_t kIp6DefaultMetric = 1024;  // IP6_RT_PRIO_USER: what IPv6 makes of metric 0

std::uint32_t table_of(const RouteSpec& route) { return route.table.value_or(kTableMain); }

std::uint32_t metric_of(const RouteSpec& route) {
  const std::uint32_t metric = route.priority.value_or(0);
  return metric == 0 && route.destination.family() == IpFamily::kV6 ? kIp6DefaultMetric : metric;
}

bool same_hop(const NextHop& want, const NextHop& is, const Observed::Routes& seen) {
  if (want.gateway != is.gateway || want.weight != is.weight || (want.onlink && !is.onlink)) return false;
  return !want.link || is.index == seen.links.at(want.link->str());
}

// The same hops in any order. IPv6 joins routes to one destination into one with several hops, so there
// the wanted ones may be some of them.
bool same_hops(const RouteSpec& want, const RouteSpec& is, const Observed::Routes& seen) {
  if (is.hops.size() < want.hops.size()) return false;
  if (want.destination.family() == IpFamily::kV4 && is.hops.size() != want.hops.size()) return false;
  return std::all_of(want.hops.begin(), want.hops.end(), [&](const NextHop& hop) {
    return std::any_of(is.hops.begin(), is.hops.end(),
                       [&](const NextHop& other) { return same_hop(hop, other, seen); });
  });
}

bool same_place(const WantRoute& wanted, const RouteSpec& is) {
  const RouteSpec& want = wanted.route;
  return want.destination == is.destination && metric_of(want) == metric_of(is) &&
         (wanted.any_table || table_of(want) == table_of(is));
}

template <class T>
void compare(std::string& reason, const char* what, const std::optional<T>& want,
             const std::optional<T>& is) {
  if (!want || want == is) return;
  const auto text = [](const std::optional<T>& value) {
    if constexpr (std::is_same_v<T, IpAddress>) {
      return value ? value->to_string() : std::string("not set");
    } else {
      return value ? std::to_string(*value) : std::string("not set");
    }
  };
  if (!reason.empty()) reason += "; ";
  reason += std::string(what) + " is " + text(is) + ", want " + text(want);
}

std::string differences(const RouteSpec& want, const RouteSpec& is) {
  std::string reason;
  compare(reason, "mtu", want.mtu, is.mtu);
  compare(reason, "advmss", want.advmss, is.advmss);
  compare(reason, "source", want.source, is.source);
  if (want.destination.family() == IpFamily::kV4) {
    // Unset is universe (0): the kernel reports the number in any case.
    compare(reason, "scope", want.scope, std::optional<std::uint8_t>(is.scope.value_or(0)));
  }
  return reason;
}

// An observed route as one that can be removed: its hops by name.
RouteSpec named(RouteSpec route, const Observed::Routes& seen) {
  for (NextHop& hop : route.hops) {
    for (const auto& [name, index] : seen.links) {
      if (hop.index != index) continue;
      if (auto parsed = LinkName::parse(name)) hop.link = *std::move(parsed);
      hop.index.reset();
      break;
    }
  }
  return route;
}

}  // namespace

Result<void> diff_route(PlanDraft& draft, const Want& want, const WantRoute& wanted,
                        const Observed::Routes& seen) {
  const RouteSpec& route = wanted.route;
  bool on_born_link = false;
  for (const NextHop& hop : route.hops) {
    if (!hop.link) continue;
    if (draft.born.contains({want.side, hop.link->str()})) {
      on_born_link = true;
    } else if (!seen.links.contains(hop.link->str())) {
      return link_missing(hop.link->str(), want.side);
    }
  }
  const RouteSpec* close = nullptr;  // the same route, but for its attributes
  if (!on_born_link) {
    for (const RouteSpec& is : seen.routes) {
      if (!same_place(wanted, is) || !same_hops(route, is, seen)) continue;
      if (differences(route, is).empty()) return {};
      close = &is;
    }
  }
  std::string reason;
  if (close != nullptr) {
    reason = differences(route, *close);
    draft.add(want, RemoveRoute{named(*close, seen)}, reason);
  }
  draft.add(want, AddRoute{route}, std::move(reason));
  return {};
}

}  // namespace fairlead
