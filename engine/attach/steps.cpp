#include "engine/attach/steps.hpp"

#include <algorithm>

#include "engine/attach/locks.hpp"
#include "fairlead/digest.hpp"
#include "fairlead/file.hpp"
#include "firewall/tables.hpp"

namespace fairlead::engine {
namespace {

bool touches_container(const Plan& plan) {
  return std::any_of(plan.begin(), plan.end(), [](const Op& op) { return op.side == Side::kContainer; });
}

// Inside a container only what is still the same namespace may be touched: inode numbers are reused at
// once, so a path alone proves nothing.
Result<OpenedKernel> open_recorded(const AttachmentContext& context, const RecordHeader& header) {
  if (header.netns_path.empty()) return context.open_kernel("");
  Result<OpenedKernel> opened = context.open_kernel(header.netns_path);
  if (opened) {
    auto cookie = opened->kernel->namespace_cookie(Side::kContainer);
    if (cookie && *cookie == header.container_cookie) return opened;
  }
  return context.open_kernel("");
}

/// The present name of the host end if somebody renamed it (an operator, a udev rule): our alias stayed with
/// it, and the other end is where it was.
Result<std::optional<LinkName>> renamed_host_end(const AttachmentContext& context,
                                                 const RecordHeader& header) {
  FAIRLEAD_TRY(const OpenedKernel opened, open_recorded(context, header));
  if (!opened.kernel->has_container()) return std::optional<LinkName>();
  FAIRLEAD_TRY(const std::optional<LinkState> link,
               opened.kernel->find_link(Side::kContainer, context.identity.ifname()));
  if (!link) return std::optional<LinkName>();
  FAIRLEAD_TRY(const std::optional<LinkState> host_end, host_end_of(*opened.kernel, *link));
  if (!host_end || host_end->alias != context.identity.link_alias()) return std::optional<LinkName>();
  return LinkName::parse(host_end->name).transform([](LinkName name) {
    return std::optional(std::move(name));
  });
}

/// Makes the removal of the host end one of its present name.
Result<void> follow_host_end(const AttachmentContext& context, const RecordHeader& header, Kernel& kernel,
                             Plan& removals) {
  const LinkName derived = context.identity.host_link();
  const auto removal =
      std::find(removals.begin(), removals.end(), Op{.side = Side::kHost, .action = DeleteLink{derived}});
  if (removal == removals.end()) return {};
  FAIRLEAD_TRY(const std::optional<LinkState> found, kernel.find_link(Side::kHost, derived));
  if (found && found->name == derived.str()) return {};
  FAIRLEAD_TRY(const std::optional<LinkName> renamed, renamed_host_end(context, header));
  if (renamed) removal->action = DeleteLink{*renamed};
  return {};
}

/// The bridge whose address the op is about.
const LinkName* bridge_of(const Op& op) {
  if (op.side != Side::kHost) return nullptr;
  if (const auto* removal = std::get_if<RemoveAddress>(&op.action)) return &removal->link;
  if (const auto* restored = std::get_if<AddAddress>(&op.action)) return &restored->link;
  return nullptr;
}

/// Of an interrupted ADD nobody knows any more which ports there were before it, so every one counts. The
/// bridge's lock is returned, for the time that the undo takes.
Result<std::optional<RangeLock>> spare_bridge_addresses(const AttachmentContext& context, Kernel& kernel,
                                                        Plan& removals) {
  const LinkName* const bridge = replaced_on(removals);
  if (bridge == nullptr) return std::optional<RangeLock>();
  FAIRLEAD_TRY(RangeLock lock, lock_bridge(context.run_dir, bridge->str()));
  FAIRLEAD_CHECK(spare_used_addresses(context, kernel, {}, removals));
  return std::optional(std::move(lock));
}

void remove_elements_of(const AttachmentKey& key, Kernel& kernel, Plan& removals,
                        std::vector<Error>& errors) {
  const std::string owner = to_hex(key);
  const nft::TableSpec table = firewall::inet_table();
  for (const nft::SetSpec& set : table.sets) {
    auto elements = kernel.elements({.family = table.family, .table = table.name, .set = set.name});
    if (!elements) {
      // A kernel without nf_tables has no elements.
      if (elements.error().code != Errc::kUnsupported) errors.push_back(std::move(elements).error());
      continue;
    }
    for (nft::Element& element : *elements) {
      if (element.comment.compare(0, owner.size(), owner) == 0) {
        removals.push_back(Op{.side = Side::kHost, .action = RemoveElement{std::move(element)}});
      }
    }
  }
}

}  // namespace

std::string object_of(const AttachmentContext& context) { return context.identity.path(); }

Result<bool> is_current(const RecordHeader& header, Kernel& kernel) {
  FAIRLEAD_TRY(const std::string boot, boot_id());
  if (header.boot_id != boot) return false;
  FAIRLEAD_TRY(const std::uint64_t cookie, kernel.namespace_cookie(Side::kHost));
  return header.host_cookie == cookie;
}

std::vector<Error> undo_section(const AttachmentContext& context, const Section& section,
                                const RecordHeader& header) {
  Plan removals = section.undo;
  Result<OpenedKernel> opened =
      touches_container(removals) ? open_recorded(context, header) : context.open_kernel("");
  if (!opened) return {std::move(opened).error()};
  Result<bool> current = is_current(header, *opened->kernel);
  if (!current) return {std::move(current).error()};
  if (!*current) return {};  // another boot or another host namespace: links and elements went with it
  for (const std::string& unknown : section.unknown_undo) {
    context.log->warning("FL2009", "undo " + object_of(context) + ": " + unknown +
                                       " is none that this version can carry out: passed over");
  }
  if (!opened->kernel->has_container()) {
    std::erase_if(removals, [](const Op& op) { return op.side == Side::kContainer; });
  }
  std::vector<Error> errors;
  if (Result<void> followed = follow_host_end(context, header, *opened->kernel, removals); !followed) {
    errors.push_back(std::move(followed).error());
  }
  const auto bridge_lock = spare_bridge_addresses(context, *opened->kernel, removals);
  if (!bridge_lock) return {Error(bridge_lock.error())};
  for (Error& error : unwind(*opened->kernel, removals)) errors.push_back(std::move(error));
  return errors;
}

const LinkName* replaced_on(const Plan& undo) {
  const auto first = std::find_if(undo.begin(), undo.end(), bridge_of);
  return first == undo.end() ? nullptr : bridge_of(*first);
}

Result<std::set<LinkIndex>> ports_of(Kernel& kernel, const LinkName& bridge) {
  std::set<LinkIndex> ports;
  FAIRLEAD_TRY(const std::optional<LinkState> link, kernel.find_link(Side::kHost, bridge));
  if (!link) return ports;
  FAIRLEAD_TRY(const std::vector<LinkState> links, kernel.links(Side::kHost));
  for (const LinkState& port : links) {
    if (port.master == link->index) ports.insert(port.index);
  }
  return ports;
}

Result<void> spare_used_addresses(const AttachmentContext& context, Kernel& kernel,
                                  const std::set<LinkIndex>& before, Plan& undo) {
  const LinkName* const bridge = replaced_on(undo);
  if (bridge == nullptr) return {};
  FAIRLEAD_TRY(std::set<LinkIndex> users, ports_of(kernel, *bridge));
  for (const LinkIndex port : before) users.erase(port);
  FAIRLEAD_TRY(const std::optional<LinkState> own,
               kernel.find_link(Side::kHost, context.identity.host_link()));
  if (own) users.erase(own->index);
  if (users.empty()) return {};
  std::erase_if(undo, [](const Op& op) {
    return bridge_of(op) != nullptr && std::holds_alternative<RemoveAddress>(op.action);
  });
  return {};
}

std::vector<Error> remove_derived(const AttachmentKey& key, Kernel& kernel) {
  Plan removals;
  std::vector<Error> errors;
  remove_elements_of(key, kernel, removals, errors);
  removals.push_back(Op{.side = Side::kHost, .action = DeleteLink{host_link_of(key)}});
  for (Error& error : unwind(kernel, removals)) errors.push_back(std::move(error));
  return errors;
}

Result<std::optional<LinkState>> host_end_of(Kernel& kernel, const LinkState& end) {
  // An index alone means nothing: the peer of a pair within the container may have that of a link here.
  if (end.kind != "veth" || !end.link || !end.link_nsid) return std::optional<LinkState>();
  FAIRLEAD_TRY(std::optional<LinkState> found, kernel.find_link(Side::kHost, *end.link));
  if (found && (found->kind != "veth" || found->link != end.index || !found->link_nsid)) found.reset();
  return found;
}

}  // namespace fairlead::engine
