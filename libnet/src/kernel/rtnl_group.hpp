// Carries out a group of neighbouring ops of one namespace over rtnetlink.
#pragma once

#include <span>
#include <vector>

#include "fairlead/op.hpp"
#include "kernel/delete_link.hpp"
#include "kernel/rtnl_namespace.hpp"

namespace fairlead::kernel {

/// What a group needs besides its own namespace.
struct GroupContext {
  RtnlNamespace* own = nullptr;
  /// The other side of the attachment, for veth peers; nullptr without one.
  RtnlNamespace* other = nullptr;
  /// A descriptor of the other side's namespace.
  std::function<Result<int>()> other_netns_fd;
  /// Deletes a link and waits until it is gone.
  std::function<DeleteOutcome(RtnlNamespace&, LinkIndex)> delete_link;
  /// The kernel answers a creation with the new link (sys::echoes_new_links()). Otherwise the same send asks
  /// for it.
  bool echoes = true;
};

/// One run over one group. The requests go in one send, except that
///  - an index that only the kernel's answer will tell ends a send (addresses and routes name their link
///    by index),
///  - a deletion is a send of its own, and so is the question whether a link is operational,
///  - what follows the creation of a shared link in the same op goes by the index that the answer tells: a
///    name that was free may be somebody else's by now, and the kernel goes on past the refused creation,
///  - nothing is sent any more once a failure has been seen (the kernel itself goes on past it within a
///  send).
class RtnlGroup {
 public:
  RtnlGroup(GroupContext context, std::span<const Op> ops);
  /// One outcome per op. Those after a failure are either answered by the kernel or were not sent.
  [[nodiscard]] std::vector<OpOutcome> run();

 private:
  enum class Role : std::uint8_t {
    kChange,    ///< of a link, an address or a route
    kCreation,  ///< of a link
    kQuestion,  ///< for the link that the request before it made
  };
  /// What a request of the batch is, and which op it belongs to.
  struct Sent {
    std::size_t op;
    Role role;
  };
  [[nodiscard]] Result<void> encode(const CreateLink& action);
  [[nodiscard]] Result<void> encode(const ChangeLink& action);
  [[nodiscard]] Result<void> encode(const DeleteLink& action);
  [[nodiscard]] Result<void> encode(const AwaitOperational& action);
  [[nodiscard]] Result<void> encode(const AddAddress& action);
  [[nodiscard]] Result<void> encode(const RemoveAddress& action);
  [[nodiscard]] Result<void> encode(const AddRoute& action);
  [[nodiscard]] Result<void> encode(const RemoveRoute& action);
  /// Not a group of ours: channel_of() does not send them here.
  template <class Other>
  [[nodiscard]] Result<void> encode(const Other&) {
    return Unexpected(Errc::kInternal, "no rtnetlink operation");
  }

  [[nodiscard]] Result<LinkRefs> refs_of(const LinkSpec& spec, bool creates);
  [[nodiscard]] Result<LinkTarget> target_of(const LinkName& name);
  [[nodiscard]] Result<LinkIndex> index_of(const LinkName& name);
  [[nodiscard]] Result<std::vector<LinkIndex>> hop_links(const RouteSpec& route);

  /// Sends what is pending. False if something failed, now or earlier.
  [[nodiscard]] bool flush();
  void take(const Sent& sent, nl::Reply&& reply);
  /// Says which of a pair's two names was taken: EEXIST alone does not.
  void name_the_taken();
  void learn(const LinkSpec& spec, const std::vector<std::byte>& answer);
  void fail(std::size_t op, OpStatus status, Error error);
  /// Ascribes the requests that were added since the last call to the current op.
  void note_requests(Role role = Role::kChange);
  [[nodiscard]] bool in_flight(const std::string& name) const;

  GroupContext context_;
  std::span<const Op> ops_;
  std::vector<OpOutcome> outcomes_;
  std::vector<bool> answered_;  ///< per op: the outcome is that of at least one answer
  std::vector<bool> unborn_;    ///< per op: it was to create a link, which was refused
  nl::Batch batch_;
  std::vector<Sent> sent_;              ///< one per request of the batch
  std::vector<std::string> in_flight_;  ///< names of links that the batch creates
  std::size_t current_ = 0;             ///< the op that is being encoded
  bool failed_ = false;
};

}  // namespace fairlead::kernel
