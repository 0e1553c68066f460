// Desired state, observation, and the plan between the two.
//
// A driver says what one attachment needs as an ordered list of wants. observe() asks the kernel about
// exactly these, diff() is pure and turns the difference into ops in the order of the wants, apply_plan()
// carries them out and takes back what was done when one fails. ADD is apply_plan, CHECK is an empty plan,
// `--dry-run` is describe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fairlead/kernel.hpp"
#include "fairlead/op.hpp"

namespace fairlead {

/// What to do about other addresses of the same family on a link (bridge gateway addresses). Addresses
/// that the same Desired wants there, and IPv6 link-local ones, are never in conflict.
enum class AddressConflict : std::uint8_t {
  kKeep,     ///< none of our business
  kRefuse,   ///< IPv4: any other one; IPv6: one whose network overlaps: an error
  kReplace,  ///< the same ones are replaced (forceAddress); the undo puts them back in its place
};

/// A link. Of a shared one that exists already only `up` and `promisc` are brought about, and only when
/// wanted true: MAC, MTU, alias and bridge options are given at creation, afterwards they are its
/// administrator's. arp_notify is not compared: rtnetlink does not show it per field.
struct WantLink {
  LinkSpec spec;
  /// Must not exist yet (a container's interface): an existing link of that name is an error.
  bool fresh = false;
  /// A bridge that exists, without the alias of `spec`, is given the MAC it has: from then on it does
  /// not change when ports come and go. Whether that was done before cannot be seen, so diff() wants it
  /// each time: for ADD, not for CHECK.
  bool pin_mac = false;
  /// Of a link that the plan creates: at this point of the plan it has to be operational (AwaitOperational).
  /// diff() makes nothing of it for one that exists; of a shared link the engine sees to it once everything
  /// else is in place. CHECK does not compare it.
  bool operational = false;
  /// Of a link that the plan creates, its MAC: at this point of the plan its addresses are announced to the
  /// neighbours, so that one that remembers their former owner learns the new one. The MAC is set again,
  /// which makes the kernel send a gratuitous ARP for each IPv4 address where arp_notify is on
  /// (inetdev_event, net/ipv4/devinet.c) and an unsolicited neighbour advertisement for each IPv6 address
  /// where ndisc_notify is (ndisc_netdev_event, net/ipv6/ndisc.c; for one that is tentative still, when its
  /// detection ends).
  std::optional<MacAddress> announce{};
};
struct WantAddress {
  LinkName link;
  AddressSpec address;
  AddressConflict conflict = AddressConflict::kKeep;
  /// Only if the same plan creates the link: afterwards the address is its administrator's.
  bool at_creation = false;
};
struct WantRoute {
  RouteSpec route;
  /// One in another table will do: for CHECK, after a plugin that routes by source address has moved it.
  bool any_table = false;
};
struct WantSysctl {
  std::string key;  ///< "net/ipv4/ip_forward"
  std::string value;
  bool optional = false;  ///< a missing file is fine (no IPv6 in this kernel)
  bool courtesy = false;  ///< nobody depends on it: see SetSysctl
};
struct WantElements {
  std::vector<nft::TableSpec> tables;
  std::vector<nft::Element> elements;
};

/// One thing that must be so. The peer of a wanted veth is wanted by the veth; a second WantLink with
/// kind ExistingLink for the peer says how it is to be changed after its birth (up, arp_notify).
struct Want {
  Side side = Side::kHost;
  bool shared = false;  ///< see Op::shared
  std::variant<WantLink, WantAddress, WantRoute, WantSysctl, WantElements> item;
};
using Desired = std::vector<Want>;

/// The kernel's side of each want, same order and length as the Desired it was made for.
struct Observed {
  struct Link {
    std::optional<LinkState> state{};
    std::optional<LinkState> peer{};    ///< of a wanted veth, looked up in the peer's namespace
    std::optional<LinkIndex> master{};  ///< of a link that exists: index of the wanted master's name
  };
  struct Addresses {
    bool link_exists = false;
    std::vector<AddressState> addresses{};
  };
  struct Routes {
    std::map<std::string, LinkIndex> links{};  ///< index of each link named by the wanted hops
    std::vector<RouteSpec> routes{};
  };
  struct Sysctl {
    std::optional<std::string> value{};
  };
  struct Elements {
    std::vector<bool> present{};  ///< Kernel::has_elements()
    std::vector<bool> tables{};   ///< Kernel::has_tables(); not asked for when an element is missing
  };
  std::vector<std::variant<Link, Addresses, Routes, Sysctl, Elements>> items;
};

using Plan = std::vector<Op>;

/// Asks the kernel about every want: a fixed number of queries per want, whatever else is on the host.
/// `skip_container` leaves unasked what belongs to a fresh link of the container (it is not there yet;
/// NLM_F_EXCL answers whether its name is free): those items come back empty.
[[nodiscard]] Result<Observed> observe(Kernel& kernel, const Desired& desired, bool skip_container = false);

/// The ops that turn `observed` into `desired`, in the order of the wants, each with its reason.
/// kExists when something is in the way that must not be changed (another kind of link under the
/// bridge's name, a conflicting gateway address, a taken interface name); kNotFound when something is
/// missing that no op can make (the link of an address, a sysctl).
[[nodiscard]] Result<Plan> diff(const Desired& desired, const Observed& observed);

/// Carries the plan out. On failure everything that was done or may have been done is taken back, in
/// reverse, whether the deadline has passed or not; errors of that are in `secondary` of the error that is
/// returned, and what they leave behind is in `left`, if given: removals for unwind() to try again. (Not
/// `apply`: a Plan is a std::vector, so std::apply would be a candidate of every call.)
[[nodiscard]] Result<void> apply_plan(Kernel& kernel, const Plan& plan, Plan* left = nullptr);

/// The same, but what takes back what was done or may have been done is left to the caller, in `undo`, which
/// is not touched otherwise.
[[nodiscard]] Result<void> carry_out(Kernel& kernel, const Plan& plan, Plan& undo);

/// Waits for those of the wanted addresses that are subject to duplicate address detection; without any, it
/// asks the kernel nothing. An error names the address that another host has (kBusy).
[[nodiscard]] Result<void> await_addresses(Kernel& kernel, const Desired& desired);

/// What takes the plan back: inverses in reverse order, without those that the deletion of a link
/// does anyway. `outcomes` may be shorter than the plan (the rest was not done); empty = all done.
[[nodiscard]] Plan undo_of(const Plan& plan, const std::vector<OpOutcome>& outcomes);

/// Carries out what undo_of() says, goes on past errors, returns what failed, and appends it to `left`, if
/// given. What is gone, or back, already is no error.
[[nodiscard]] std::vector<Error> unwind(Kernel& kernel, const Plan& removals, Plan* left = nullptr);

}  // namespace fairlead
