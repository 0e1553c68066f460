#include "engine/attach/router_advertisements.hpp"

#include <algorithm>
#include <set>

namespace fairlead::engine {
namespace {

constexpr std::uint8_t kProtocolRa = 9;  // RTPROT_RA

bool turns_forwarding_on(const Op& op) {
  const auto* sysctl = std::get_if<SetSysctl>(&op.action);
  return sysctl != nullptr && op.side == Side::kHost && sysctl->key == "net/ipv6/conf/all/forwarding" &&
         sysctl->value != "0";
}

/// Names of the links that an advertised route leaves by.
Result<std::set<std::string>> advertised_links(Kernel& kernel) {
  std::set<std::string> names;
  FAIRLEAD_TRY(const std::vector<RouteSpec> routes, kernel.routes(Side::kHost, {.family = IpFamily::kV6}));
  for (const RouteSpec& route : routes) {
    if (route.protocol != kProtocolRa) continue;
    for (const NextHop& hop : route.hops) {
      if (!hop.index) continue;
      FAIRLEAD_TRY(const std::optional<LinkState> link, kernel.find_link(Side::kHost, *hop.index));
      if (link) names.insert(link->name);
    }
  }
  return names;
}

}  // namespace

Result<void> keep_advertised_routes(Kernel& kernel, const Logger& log, Plan& plan) {
  const auto forwarding = std::find_if(plan.begin(), plan.end(), turns_forwarding_on);
  if (forwarding == plan.end()) return {};
  FAIRLEAD_TRY(const std::set<std::string> links, advertised_links(kernel));
  Plan first;
  for (const std::string& link : links) {
    const std::string key = "net/ipv6/conf/" + link + "/accept_ra";
    FAIRLEAD_TRY(const std::optional<std::string> value, kernel.sysctl(Side::kHost, key));
    if (value != "1") continue;
    log.warning("FL2004", "setting " + key + " to 2, so that " + link +
                              " keeps its advertised routes when this host forwards IPv6");
    first.push_back(Op{.side = Side::kHost,
                       .action = SetSysctl{.key = key, .value = "2", .previous = *value},
                       .shared = true,
                       .reason = "is 1, and this host is about to forward IPv6"});
  }
  plan.insert(forwarding, first.begin(), first.end());
  return {};
}

}  // namespace fairlead::engine
