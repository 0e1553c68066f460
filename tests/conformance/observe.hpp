// Questions to the kernel (by way of ip(8)), the lease directory, and packets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/world.hpp"

namespace fairlead::conformance {

/// One link with addresses and details as `ip -j -d addr` gives it; an empty netns means the host.
std::optional<Json> find_link(const World& world, const std::string& name, const std::string& netns = {});
Json link(const World& world, const std::string& name, const std::string& netns = {});
bool has_link(const World& world, const std::string& name, const std::string& netns = {});
bool has_flag(const Json& link, const std::string& flag);
/// "10.1.2.3/24" on that link.
bool has_address(const Json& link, const std::string& address);
/// Whether duplicate address detection is still under way for one of the IPv6 addresses that the words
/// select.
bool has_tentative(const World& world, const std::string& netns,
                   const std::vector<std::string>& words = {"scope", "global"});
/// Waits for its end. For the cases that are about something else; B20 is about this.
void settle_ipv6(const World& world, const std::string& netns);
/// The names of all links.
std::vector<std::string> link_names(const World& world, const std::string& netns = {});
/// Routes of the main table (or of `table`) of the family that `dst` or `gateway` belongs to.
std::vector<Json> routes_to(const World& world, const std::string& dst, const std::string& netns,
                            const std::string& table = "main");

/// Lease file name -> content, without `lock` and `last_reserved_ip.*`.
std::map<std::string, std::string> leases(const std::string& network,
                                          const std::string& data_dir = "/var/lib/cni/networks");
void write_lease(const std::string& network, const std::string& address, const std::string& owner);
void write_last_reserved(const std::string& network, const std::string& address);

/// A namespace beyond the host: `outside` holds 192.0.2.2/24 and 2001:db8:ffff::2/64 and routes everything
/// back to the host, which has .1 and ::1 on `uplink`.
std::string add_outside(World& world);

/// Sends a datagram from one namespace to a server in another and back. The source address that the server
/// saw, or nothing if it (or the answer) did not arrive for good.
struct Exchange {
  std::string from_netns{};
  std::string from_address{};  ///< empty: the kernel chooses
  std::string to_netns{};
  std::string to_address{};
};
std::optional<std::string> exchange(const World& world, const Exchange& exchange);

}  // namespace fairlead::conformance
