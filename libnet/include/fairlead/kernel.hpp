// Kernel: the door to one attachment's two namespaces. NetlinkKernel is the real one, FakeKernel
// (tests) a model of it; one contract suite runs on both.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fairlead/log.hpp"
#include "fairlead/netns.hpp"
#include "fairlead/op.hpp"

namespace fairlead {

/// Observes and changes the host's and, if there is one, the container's namespace.
///
/// Ownership and threads: one object per operation and thread. Queries are single objects by name, index
/// or key; links(), addresses(), routes() and elements() dump, the middle two filtered by the kernel. Nothing
/// here decides that a failure is harmless: callers do.
class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;

  /// False if the object was made without a container namespace; its queries then fail with kNotFound.
  [[nodiscard]] virtual bool has_container() const = 0;
  /// SO_NETNS_COOKIE of the namespace.
  [[nodiscard]] virtual Result<std::uint64_t> namespace_cookie(Side side) = 0;

  /// The link of that name, or nothing. An alternative name (IFLA_ALT_IFNAME) finds its link as well: the
  /// answer's `name` is then another than the one that was asked for.
  [[nodiscard]] virtual Result<std::optional<LinkState>> find_link(Side side, const LinkName& name) = 0;
  /// The link with that index, or nothing.
  [[nodiscard]] virtual Result<std::optional<LinkState>> find_link(Side side, LinkIndex index) = 0;
  /// All links (a dump).
  [[nodiscard]] virtual Result<std::vector<LinkState>> links(Side side) = 0;
  /// The addresses of one link (RTM_GETADDR under STRICT_CHK: the kernel filters by index).
  [[nodiscard]] virtual Result<std::vector<AddressState>> addresses(Side side, LinkIndex link) = 0;
  /// Returns when duplicate address detection is over for each of these IPv6 addresses of the link, which
  /// takes the kernel one to two seconds. kBusy: another host has one; kNotFound: the link does not have one;
  /// kTimeout: the deadline passed, or ten seconds did.
  [[nodiscard]] virtual Result<void> await_addresses(Side side, LinkIndex link,
                                                     std::span<const IfaceAddress> addresses) = 0;
  /// Unicast routes that match the filter (the kernel filters where it can).
  [[nodiscard]] virtual Result<std::vector<RouteSpec>> routes(Side side, const RouteFilter& filter) = 0;
  /// The value of /proc/sys/<key> without white space at its ends, or nothing if the file does not exist.
  /// kInvalid for a key that is no plain path ("net/ipv4/ip_forward"; dots do not separate).
  [[nodiscard]] virtual Result<std::optional<std::string>> sysctl(Side side, const std::string& key) = 0;
  /// For each element, whether its set holds it, with the same data and stored comment (an element of the
  /// same key that carries another comment is another attachment's); false too if the table or the set is
  /// missing.
  [[nodiscard]] virtual Result<std::vector<bool>> has_elements(std::span<const nft::Element> elements) = 0;
  /// For each table, whether EnsureTable would leave it alone: it is one of ours, with its layout, and its
  /// chains and rules are there (`nft flush table` leaves the elements). True for a newer layout as well,
  /// which the version that made it answers for.
  [[nodiscard]] virtual Result<std::vector<bool>> has_tables(std::span<const nft::TableSpec> tables) = 0;
  /// All elements of a set (a dump); empty if the table or the set is missing.
  [[nodiscard]] virtual Result<std::vector<nft::Element>> elements(const nft::SetRef& set) = 0;

  /// Carries the ops out in order, neighbours on one channel at once, and answers for each. It stops
  /// sending at the first group that has a failure; within a rtnetlink group the kernel goes on past it.
  /// Once the deadline has passed (fairlead/deadline.hpp) no group is begun: kTimeout, not done.
  [[nodiscard]] virtual std::vector<OpOutcome> apply(std::span<const Op> ops) = 0;
};

/// The running kernel: the calling thread's namespace as host side, `container` (kept open by the
/// caller for the life of the result) as container side.
[[nodiscard]] Result<std::unique_ptr<Kernel>> open_kernel(const Netns* container, const Logger& log);

}  // namespace fairlead
