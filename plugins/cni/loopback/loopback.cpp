#include "plugins/cni/loopback/loopback.hpp"

#include "engine/drivers/loopback.hpp"
#include "plugins/cni/attachment.hpp"

namespace fairlead::cni {
namespace {

Result<Plan> plan_for(Kernel& kernel, bool up) {
  const Desired desired = engine::loopback_desired(up);
  FAIRLEAD_TRY(const Observed observed, observe(kernel, desired));
  return diff(desired, observed);
}

/// lo as it is, with the addresses that the kernel gave it (no ::1 where IPv6 is off).
Result<AddResult> result_from(Kernel& kernel, const Request& request) {
  if (request.prev_result) return *request.prev_result;
  const LinkName name = engine::loopback_link();
  FAIRLEAD_TRY(const std::optional<LinkState> link, kernel.find_link(Side::kContainer, name));
  if (!link) return fail(kInvalidNetns, "find lo: the namespace " + request.netns + " has none");
  AddResult result;
  result.interfaces.push_back(
      {.name = name.str(), .mac = MacAddress().to_string(), .mtu = link->mtu, .sandbox = request.netns});
  FAIRLEAD_TRY(const std::vector<AddressState> addresses, kernel.addresses(Side::kContainer, link->index));
  for (const AddressState& state : addresses) {
    result.ips.push_back({.address = state.address, .gateway = {}, .interface = 0});
  }
  return result;
}

Result<AddResult> add(const Request& request) {
  FAIRLEAD_TRY(const engine::OpenedKernel opened, kernel_factory (*request.log)(request.netns));
  FAIRLEAD_TRY(const Plan plan, plan_for(*opened.kernel, true));
  FAIRLEAD_CHECK(apply_plan(*opened.kernel, plan));
  return result_from(*opened.kernel, request);
}

Result<void> del(const Request& request) {
  if (request.netns.empty()) return {};
  Result<engine::OpenedKernel> opened = kernel_factory(*request.log)(request.netns);
  if (!opened) {
    // A namespace that is gone took its lo along.
    if (opened.error().protocol_code == kInvalidNetns) return {};
    return Unexpected(std::move(opened).error());
  }
  FAIRLEAD_TRY(const Plan plan, plan_for(*opened->kernel, false));
  return apply_plan(*opened->kernel, plan);
}

Result<void> check(const Request& request) {
  FAIRLEAD_TRY(const engine::OpenedKernel opened, kernel_factory (*request.log)(request.netns));
  FAIRLEAD_TRY(const Plan plan, plan_for(*opened.kernel, true));
  if (plan.empty()) return {};
  return fail(kCheckFailed, "check lo in the container: " + plan.front().reason,
              "DEL and ADD set it up anew");
}

// A namespace's lo goes with the namespace: there is nothing to collect, and nothing that ADD could lack.
Result<void> nothing_to_do(const Request&) { return {}; }

}  // namespace

const Plugin& loopback_plugin() {
  static const Plugin plugin{.type = "loopback",
                             .about = "Fairlead loopback: sets the container's lo up",
                             .known_args = {},
                             .add = add,
                             .del = del,
                             .check = check,
                             .gc = nothing_to_do,
                             .status = nothing_to_do,
                             .has_own_addresses = true};
  return plugin;
}

}  // namespace fairlead::cni
