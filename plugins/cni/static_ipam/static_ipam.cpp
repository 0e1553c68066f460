#include "plugins/cni/static_ipam/static_ipam.hpp"

#include <algorithm>

namespace fairlead::cni {
namespace static_ipam {
namespace {

Result<AddResult> add(const Request& request) { return decode_result(request); }

/// Nothing was reserved, so there is nothing to free, whatever the configuration says by now.
Result<void> del(const Request&) { return {}; }
Result<void> gc(const Request&) { return {}; }

/// Every address that the configuration names has to be in prevResult, with its gateway if it has one.
Result<void> check(const Request& request) {
  FAIRLEAD_TRY(const AddResult wanted, decode_result(request));
  const std::vector<Ip> actual = request.prev_result ? request.prev_result->ips : std::vector<Ip>();
  for (const Ip& ip : wanted.ips) {
    const auto found =
        std::ranges::find_if(actual, [&](const Ip& candidate) { return candidate.address == ip.address; });
    if (found == actual.end())
      return fail(kCheckFailed, "check address " + ip.address.to_string() + ": prevResult does not have it");
    if (ip.gateway && found->gateway != ip.gateway) {
      return fail(kCheckFailed, "check address " + ip.address.to_string() +
                                    ": its gateway in prevResult is " +
                                    (found->gateway ? found->gateway->to_string() : "missing") + ", want " +
                                    ip.gateway->to_string());
    }
  }
  return {};
}

/// ADD can be served if the configuration can be read.
Result<void> status(const Request& request) {
  FAIRLEAD_CHECK(decode_result(request));
  return {};
}

}  // namespace
}  // namespace static_ipam

const Plugin& static_plugin() {
  static const Plugin plugin{.type = "static",
                             .about = "Answers with the addresses that its caller names; keeps no state.",
                             .known_args = {"IP", "GATEWAY"},
                             .add = static_ipam::add,
                             .del = static_ipam::del,
                             .check = static_ipam::check,
                             .gc = static_ipam::gc,
                             .status = static_ipam::status,
                             .has_own_addresses = true};
  return plugin;
}

}  // namespace fairlead::cni
