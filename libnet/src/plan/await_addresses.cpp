#include <map>

#include "fairlead/plan.hpp"
#include "plan/differ.hpp"
#include "plan/where.hpp"

namespace fairlead {
namespace {

using AddressesOfLink = std::map<std::pair<Side, std::string>, std::vector<IfaceAddress>>;

AddressesOfLink subject_to_detection(const Desired& desired) {
  AddressesOfLink found;
  for (const Want& want : desired) {
    const auto* wanted = std::get_if<WantAddress>(&want.item);
    if (wanted == nullptr || wanted->address.nodad || wanted->address.address.is_v4()) continue;
    found[{want.side, wanted->link.str()}].push_back(wanted->address.address);
  }
  return found;
}

}  // namespace

Result<void> await_addresses(Kernel& kernel, const Desired& desired) {
  for (const auto& [key, addresses] : subject_to_detection(desired)) {
    const auto& [side, name] = key;
    FAIRLEAD_TRY(const LinkName link, LinkName::parse(name));
    FAIRLEAD_TRY(const std::optional<LinkState> state, kernel.find_link(side, link));
    if (!state) return link_missing(name, side);
    Result<void> settled = kernel.await_addresses(side, state->index, addresses);
    if (!settled)
      return Unexpected(std::move(settled).error().with_context("address of " + place(name, side)));
  }
  return {};
}

}  // namespace fairlead
