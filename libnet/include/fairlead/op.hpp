// Op: one change to the kernel. A plan is a list of them; undo is the list of inverses, backwards.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fairlead/address.hpp"
#include "fairlead/link.hpp"
#include "fairlead/nft.hpp"
#include "fairlead/route.hpp"

namespace fairlead {

/// Creates a link (NLM_F_CREATE | NLM_F_EXCL). `spec.kind` must not be ExistingLink.
struct CreateLink {
  LinkSpec spec;
  bool operator==(const CreateLink&) const = default;
};
/// Changes an existing link, found by name: every field of `spec` that is set, except its kind.
struct ChangeLink {
  LinkSpec spec;
  bool operator==(const ChangeLink&) const = default;
};
/// Deletes a link and waits until it is gone from the namespace. A veth takes its peer along. kNotFound when
/// no link has that name as its own (an alternative name of another link does not count); kTimeout, unknown,
/// when the kernel does not report it gone within 20 seconds.
struct DeleteLink {
  LinkName name;
  bool operator==(const DeleteLink&) const = default;
};
/// Waits until a link carries frames: its operational state is "up" (RFC 2863), so the kernel has begun to
/// send by it and, if it is a port, its bridge forwards to and from it (one that runs the spanning tree
/// protocol later: LinkState::stp). A link that goes up, or whose peer does, is there only when the kernel's
/// link watch has looked at it. kNotFound without the link; kTimeout when the deadline passes, or ten seconds
/// do.
struct AwaitOperational {
  LinkName link;
  bool operator==(const AwaitOperational&) const = default;
};
/// Adds an address. kExists when the link has it already (IPv6: with any prefix length), kNotFound without
/// the link.
struct AddAddress {
  LinkName link;
  AddressSpec address;
  bool operator==(const AddAddress&) const = default;
};
/// Removes an address. kNotFound when the link does not have it with that prefix length, or is not there.
struct RemoveAddress {
  LinkName link;
  IfaceAddress address;
  AddressAttributes attributes{};  ///< as observed; the inverse gives them back
  bool operator==(const RemoveAddress&) const = default;
};
/// Adds a route. kExists for one with the same destination, table and metric, unless it is appended
/// (RouteSpec::append); kNotFound without a link that it names.
struct AddRoute {
  RouteSpec route;
  bool operator==(const AddRoute&) const = default;
};
/// Removes a route, or of an IPv6 one these hops. kNotFound when there is none like it.
struct RemoveRoute {
  RouteSpec route;
  bool operator==(const RemoveRoute&) const = default;
};
/// Writes /proc/sys/<key>, unless it has the value already. kNotFound without the file, kInvalid for a key
/// that is no plain path ("net/ipv4/ip_forward"; dots do not separate) and for a value that the kernel
/// refuses, kDenied where /proc/sys is read-only and the value another.
struct SetSysctl {
  std::string key;
  std::string value;
  std::string previous{};  ///< what the observation read; the inverse writes it back
  bool optional = false;   ///< a missing file counts as done (a link of a kernel without IPv6)
  bool courtesy = false;   ///< whatever goes wrong counts as done, and is logged (a read-only /proc/sys)
  bool operator==(const SetSysctl&) const = default;
};
/// Makes sure that a table of ours is there; goes into one transaction with the elements around it.
struct EnsureTable {
  nft::TableSpec table;
  bool operator==(const EnsureTable&) const = default;
};
/// Adds an element; success, too, when it is there: one with other data or another comment is replaced.
/// kNotFound without its set.
struct AddElement {
  nft::Element element;
  bool operator==(const AddElement&) const = default;
};
/// Removes an element; success, too, when it, its set or its table is missing.
struct RemoveElement {
  nft::Element element;  ///< only set and key matter
  bool operator==(const RemoveElement&) const = default;
};
/// Removes a chain that another program made, with its rules, and the jumps to it from one chain of the same
/// table; success, too, when it is missing. kBusy when anything else jumps to it.
struct RemoveChain {
  nft::ChainRef chain;
  std::string jumps_from;
  bool operator==(const RemoveChain&) const = default;
};
/// Removes the rules of a chain whose comment (as nft(8) writes it) begins so; success, too, without any.
struct RemoveRules {
  nft::ChainRef chain;
  std::string comment_prefix;
  bool operator==(const RemoveRules&) const = default;
};

using Action =
    std::variant<CreateLink, ChangeLink, DeleteLink, AwaitOperational, AddAddress, RemoveAddress, AddRoute,
                 RemoveRoute, SetSysctl, EnsureTable, AddElement, RemoveElement, RemoveChain, RemoveRules>;

/// Which mechanism carries an op out; a group of neighbours on one channel is sent at once.
enum class Channel : std::uint8_t {
  kHostRtnetlink,
  kContainerRtnetlink,
  kHostSysctl,
  kContainerSysctl,
  kNft
};

/// One change, in one of the two namespaces, with the reason why it is needed.
struct Op {
  Side side = Side::kHost;
  Action action;
  /// Shared infrastructure (bridge, gateway address, forwarding, tables): never undone, since another
  /// attachment may already use it. (An address that takes another's place is not: one or the other is.)
  bool shared = false;
  std::string reason{};  ///< "mtu is 1500, want 1450"; empty when the object is simply missing
  bool operator==(const Op&) const = default;
};

[[nodiscard]] Channel channel_of(const Op& op);
/// "create veth vethab12 (peer eth0 in the container)": the operation and its object, no reason.
[[nodiscard]] std::string describe(const Op& op);
/// "address 10.1.2.3/24 of eth0 in the container": what the op is about, for a sentence of its own.
[[nodiscard]] std::string describe_object(const Op& op);
/// The op that takes `op` back; nothing for shared ops, changes and removals of links.
[[nodiscard]] std::optional<Op> inverse(const Op& op);

/// What became of one op.
enum class OpStatus : std::uint8_t {
  kDone,     ///< acknowledged
  kNotDone,  ///< refused, or never sent
  kUnknown,  ///< sent, but no answer was read: it may have happened
};
struct OpOutcome {
  OpStatus status = OpStatus::kNotDone;
  std::optional<Error> error{};  ///< set for the op that failed
};

}  // namespace fairlead
