#include "kernel/rtnl_group.hpp"

#include <algorithm>
#include <cerrno>

#include "kernel/address_codec.hpp"
#include "kernel/await_operational.hpp"
#include "kernel/delete_link.hpp"
#include "kernel/op_error.hpp"
#include "kernel/route_codec.hpp"

namespace fairlead::kernel {

namespace {

OpStatus status_of(nl::ReplyStatus status) {
  switch (status) {
    case nl::ReplyStatus::kDone:
      return OpStatus::kDone;
    case nl::ReplyStatus::kRefused:
    case nl::ReplyStatus::kNotSent:
      return OpStatus::kNotDone;
    case nl::ReplyStatus::kUnknown:
      break;
  }
  return OpStatus::kUnknown;
}

/// Returned by an encoder when a send that it needed failed: the outcome is recorded already.
Unexpected stopped() { return Unexpected(Errc::kInternal, "stopped by an earlier failure"); }

}  // namespace

RtnlGroup::RtnlGroup(GroupContext context, std::span<const Op> ops)
    : context_(std::move(context)),
      ops_(ops),
      outcomes_(ops.size()),
      answered_(ops.size()),
      unborn_(ops.size()) {}

std::vector<OpOutcome> RtnlGroup::run() {
  for (current_ = 0; current_ < ops_.size() && !failed_; ++current_) {
    auto encoded = std::visit([this](const auto& action) { return encode(action); }, ops_[current_].action);
    if (encoded || failed_) continue;
    // What comes before the op is sent all the same; what the op itself did is not the whole of it.
    (void)flush();
    const bool begun = outcomes_[current_].status != OpStatus::kNotDone;
    fail(current_, begun ? OpStatus::kUnknown : OpStatus::kNotDone, std::move(encoded).error());
  }
  (void)flush();
  name_the_taken();
  return std::move(outcomes_);
}

// What becomes of an answer ------------------------------------------------------------------------------

void RtnlGroup::fail(std::size_t op, OpStatus status, Error error) {
  outcomes_[op].status = status;
  if (!outcomes_[op].error) outcomes_[op].error = op_error(ops_[op], std::move(error));
  failed_ = true;
}

bool RtnlGroup::flush() {
  if (!batch_.empty()) {
    nl::Batch batch = std::exchange(batch_, {});
    const auto sent = std::exchange(sent_, {});
    in_flight_.clear();
    auto client = context_.own->client();
    if (!client) {
      fail(sent.front().op, OpStatus::kNotDone, std::move(client).error());
      return false;
    }
    auto replies = (*client)->transact(batch);
    for (std::size_t i = 0; i < replies.size(); ++i) take(sent[i], std::move(replies[i]));
  }
  return !failed_;
}

void RtnlGroup::take(const Sent& sent, nl::Reply&& reply) {
  OpOutcome& outcome = outcomes_[sent.op];
  const OpStatus status = status_of(reply.status);
  // Of a link that was not made nothing is done, whatever became of the messages behind the refused one:
  // they met another's link, which the undo must not delete.
  if (unborn_[sent.op]) return;
  unborn_[sent.op] = sent.role == Role::kCreation && status == OpStatus::kNotDone;
  // An op of several messages of which some were refused may have happened in part.
  const OpStatus joint = !answered_[sent.op] || outcome.status == status ? status : OpStatus::kUnknown;
  answered_[sent.op] = true;
  outcome.status = joint;
  if (reply.error) return fail(sent.op, joint, *std::move(reply.error));
  if (sent.role != Role::kChange && status == OpStatus::kDone) {
    learn(std::get<CreateLink>(ops_[sent.op].action).spec, reply.message);
  }
}

void RtnlGroup::name_the_taken() {
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const auto* creation = std::get_if<CreateLink>(&ops_[i].action);
    const auto* veth = creation != nullptr ? std::get_if<VethLink>(&creation->spec.kind) : nullptr;
    if (veth == nullptr || !unborn_[i] || !outcomes_[i].error || !outcomes_[i].error->kernel) continue;
    if (outcomes_[i].error->kernel->err != EEXIST) continue;
    RtnlNamespace* const peer_side = veth->peer.side == context_.own->side() ? context_.own : context_.other;
    for (const auto& [netns, name] :
         {std::pair(context_.own, creation->spec.name), std::pair(peer_side, veth->peer.name)}) {
      if (netns == nullptr) continue;
      const auto link = netns->find_link(LinkTarget(name));
      if (!link || !*link) continue;
      outcomes_[i].error->what = describe(ops_[i]) + ": EEXIST: " + name_taken(netns->side(), name.str());
      break;
    }
  }
}

/// Takes the indices of a new link and its peer from the echo of its creation or from the answer to the
/// question behind it. Without either, whoever needs an index asks for it.
void RtnlGroup::learn(const LinkSpec& spec, const std::vector<std::byte>& answer) {
  RtnlNamespace* peer_side = nullptr;
  const auto* veth = std::get_if<VethLink>(&spec.kind);
  if (veth != nullptr) peer_side = veth->peer.side == context_.own->side() ? context_.own : context_.other;
  context_.own->names().forget(spec.name.str());
  if (peer_side != nullptr) peer_side->names().forget(veth->peer.name.str());

  nl::MessageWalk walk(answer);
  const auto message = walk.next();
  if (!message) return;
  const auto state = read_link(*message);
  if (!state) return;
  context_.own->names().remember(spec.name.str(), state->index);
  if (peer_side != nullptr && state->link) peer_side->names().remember(veth->peer.name.str(), *state->link);
}

void RtnlGroup::note_requests(Role role) {
  while (sent_.size() < batch_.size()) sent_.push_back({.op = current_, .role = role});
}

// Names to numbers ---------------------------------------------------------------------------------------

bool RtnlGroup::in_flight(const std::string& name) const {
  return std::find(in_flight_.begin(), in_flight_.end(), name) != in_flight_.end();
}

Result<LinkIndex> RtnlGroup::index_of(const LinkName& name) {
  if (in_flight(name.str()) && !flush()) return stopped();
  if (const auto index = context_.own->names().index_of(name.str())) return *index;
  FAIRLEAD_TRY(const auto link, context_.own->find_link(LinkTarget(name)));
  if (!link) return Unexpected(no_such_link(context_.own->side(), name.str()));
  return link->index;
}

/// A link that the same send creates is named by its name, but only if that name was seen free: should
/// the creation fail because somebody else's link has the name, the kernel would go on and change that one.
/// Between the look and the send that can still happen; a name that is derived from an attachment's key,
/// whose lock we hold, is taken by nobody, and a shared one is not named this way.
Result<LinkTarget> RtnlGroup::target_of(const LinkName& name) {
  const LinkNames& names = context_.own->names();
  if (in_flight(name.str()) && !names.known_absent(name.str())) {
    FAIRLEAD_TRY(const LinkIndex index, index_of(name));
    return LinkTarget(index);
  }
  if (const auto index = names.index_of(name.str())) return LinkTarget(*index);
  return LinkTarget(name);
}

Result<LinkRefs> RtnlGroup::refs_of(const LinkSpec& spec, bool creates) {
  LinkRefs refs;
  if (spec.master) {
    FAIRLEAD_TRY(refs.master, index_of(*spec.master));
  }
  const auto* veth = std::get_if<VethLink>(&spec.kind);
  if (creates && veth != nullptr && veth->peer.side != context_.own->side()) {
    FAIRLEAD_TRY(refs.peer_netns, context_.other_netns_fd());
  }
  return refs;
}

Result<std::vector<LinkIndex>> RtnlGroup::hop_links(const RouteSpec& route) {
  std::vector<LinkIndex> links;
  for (const NextHop& hop : route.hops) {
    LinkIndex index = hop.index.value_or(LinkIndex{});
    if (hop.link) {
      FAIRLEAD_TRY(index, index_of(*hop.link));
    }
    links.push_back(index);
  }
  return links;
}

// Ops to requests ----------------------------------------------------------------------------------------

Result<void> RtnlGroup::encode(const CreateLink& action) {
  if (std::holds_alternative<ExistingLink>(action.spec.kind)) {
    return Unexpected(Errc::kInternal, "a link without kind cannot be created");
  }
  FAIRLEAD_TRY(const LinkRefs refs, refs_of(action.spec, true));
  FAIRLEAD_CHECK(add_create(batch_, action.spec, refs));
  note_requests(Role::kCreation);
  if (!context_.echoes) {
    FAIRLEAD_CHECK(add_get(batch_, LinkTarget(action.spec.name)));
    note_requests(Role::kQuestion);
  }
  in_flight_.push_back(action.spec.name.str());
  if (const auto* veth = std::get_if<VethLink>(&action.spec.kind)) {
    if (veth->peer.side == context_.own->side()) in_flight_.push_back(veth->peer.name.str());
  }

  const auto late = after_creation(action.spec);
  if (!late) return {};
  LinkTarget target(action.spec.name);
  if (ops_[current_].shared) {
    FAIRLEAD_TRY(target, index_of(action.spec.name));
  } else {
    FAIRLEAD_TRY(target, target_of(action.spec.name));
  }
  FAIRLEAD_CHECK(add_change(batch_, target, *late, {}));
  note_requests();
  return {};
}

Result<void> RtnlGroup::encode(const ChangeLink& action) {
  FAIRLEAD_TRY(const LinkRefs refs, refs_of(action.spec, false));
  FAIRLEAD_TRY(const LinkTarget target, target_of(action.spec.name));
  FAIRLEAD_CHECK(add_change(batch_, target, action.spec, refs));
  note_requests();
  return {};
}

Result<void> RtnlGroup::encode(const DeleteLink& action) {
  if (!flush()) return stopped();
  FAIRLEAD_TRY(const auto link, context_.own->find_link(LinkTarget(action.name)));
  // An alternative name finds a link too, which is none that we made.
  if (!link || link->name != action.name.str()) {
    return Unexpected(no_such_link(context_.own->side(), action.name.str()));
  }
  DeleteOutcome outcome = context_.delete_link(*context_.own, link->index);
  // A veth takes its peer along, whose name nobody told us.
  context_.own->names().clear();
  if (context_.other != nullptr) context_.other->names().clear();
  if (outcome.status == DeleteStatus::kGone) {
    outcomes_[current_].status = OpStatus::kDone;
    return {};
  }
  const bool refused = outcome.status == DeleteStatus::kRefused;
  fail(current_, refused ? OpStatus::kNotDone : OpStatus::kUnknown, *std::move(outcome.error));
  return {};
}

Result<void> RtnlGroup::encode(const AwaitOperational& action) {
  FAIRLEAD_TRY(const LinkIndex link, index_of(action.link));
  if (!flush()) return stopped();
  FAIRLEAD_CHECK(await_operational(*context_.own, link));
  outcomes_[current_].status = OpStatus::kDone;
  return {};
}

Result<void> RtnlGroup::encode(const AddAddress& action) {
  FAIRLEAD_TRY(const LinkIndex link, index_of(action.link));
  FAIRLEAD_CHECK(add_address(batch_, link, action.address));
  note_requests();
  return {};
}

Result<void> RtnlGroup::encode(const RemoveAddress& action) {
  FAIRLEAD_TRY(const LinkIndex link, index_of(action.link));
  FAIRLEAD_CHECK(remove_address(batch_, link, action.address, action.attributes));
  note_requests();
  return {};
}

Result<void> RtnlGroup::encode(const AddRoute& action) {
  FAIRLEAD_TRY(const auto links, hop_links(action.route));
  FAIRLEAD_CHECK(add_route(batch_, action.route, links));
  note_requests();
  return {};
}

Result<void> RtnlGroup::encode(const RemoveRoute& action) {
  FAIRLEAD_TRY(const auto links, hop_links(action.route));
  FAIRLEAD_CHECK(remove_route(batch_, action.route, links));
  note_requests();
  return {};
}

}  // namespace fairlead::kernel
