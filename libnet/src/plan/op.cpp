#include "fairlead/op.hpp"

namespace fairlead {

Channel channel_of(const Op& op) {
  const bool host = op.side == Side::kHost;
  if (std::holds_alternative<SetSysctl>(op.action)) {
    return host ? Channel::kHostSysctl : Channel::kContainerSysctl;
  }
  if (std::holds_alternative<EnsureTable>(op.action) || std::holds_alternative<AddElement>(op.action) ||
      std::holds_alternative<RemoveElement>(op.action) || std::holds_alternative<RemoveChain>(op.action) ||
      std::holds_alternative<RemoveRules>(op.action)) {
    return Channel::kNft;
  }
  return host ? Channel::kHostRtnetlink : Channel::kContainerRtnetlink;
}

namespace {

struct Inverse {
  std::optional<Action> operator()(const CreateLink& a) const { return DeleteLink{a.spec.name}; }
  std::optional<Action> operator()(const AddAddress& a) const {
    return RemoveAddress{a.link, a.address.address, a.address.attributes};
  }
  std::optional<Action> operator()(const RemoveAddress& a) const {
    // It was in use a moment ago: detecting duplicates again would make it tentative for a second.
    return AddAddress{a.link, {.address = a.address, .nodad = true, .attributes = a.attributes}};
  }
  std::optional<Action> operator()(const AddRoute& a) const { return RemoveRoute{a.route}; }
  std::optional<Action> operator()(const RemoveRoute& a) const { return AddRoute{a.route}; }
  std::optional<Action> operator()(const SetSysctl& a) const {
    // Nothing was read when the file belongs to a link that the same plan creates: it goes with the link.
    if (a.previous.empty()) return std::nullopt;
    return SetSysctl{.key = a.key, .value = a.previous, .previous = a.value};
  }
  std::optional<Action> operator()(const AddElement& a) const { return RemoveElement{a.element}; }
  std::optional<Action> operator()(const RemoveElement& a) const { return AddElement{a.element}; }
  std::optional<Action> operator()(const ChangeLink&) const { return std::nullopt; }
  std::optional<Action> operator()(const DeleteLink&) const { return std::nullopt; }
  std::optional<Action> operator()(const AwaitOperational&) const { return std::nullopt; }
  std::optional<Action> operator()(const EnsureTable&) const { return std::nullopt; }
  std::optional<Action> operator()(const RemoveChain&) const { return std::nullopt; }
  std::optional<Action> operator()(const RemoveRules&) const { return std::nullopt; }
};

}  // namespace

std::optional<Op> inverse(const Op& op) {
  if (op.shared) return std::nullopt;
  auto action = std::visit(Inverse{}, op.action);
  if (!action) return std::nullopt;
  return Op{.side = op.side, .action = *std::move(action)};
}

}  // namespace fairlead
