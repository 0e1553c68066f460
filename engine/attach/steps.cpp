#include "engine/attach/steps.hpp"

#include <algorithm>

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
Result<OpenedKernel> open_for_undo(const AttachmentContext& context, const Section& section,
                                   const RecordHeader& header) {
  if (!touches_container(section.undo) || header.netns_path.empty()) return context.open_kernel("");
  Result<OpenedKernel> opened = context.open_kernel(header.netns_path);
  if (opened) {
    auto cookie = opened->kernel->namespace_cookie(Side::kContainer);
    if (cookie && *cookie == header.container_cookie) return opened;
  }
  return context.open_kernel("");
}

void remove_elements_of(const AttachmentKey& key, Kernel& kernel, Plan& removals,
                        std::vector<Error>& errors) {
  const std::string owner = to_hex(key);
  const nft::TableSpec table = firewall::inet_table();
  for (const nft::SetSpec& set : table.sets) {
    auto elements = kernel.elements({.family = table.family, .table = table.name, .set = set.name});
    if (!elements) {
      errors.push_back(std::move(elements).error());
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
  Result<OpenedKernel> opened = open_for_undo(context, section, header);
  if (!opened) return {std::move(opened).error()};
  Plan removals = section.undo;
  if (!opened->kernel->has_container()) {
    std::erase_if(removals, [](const Op& op) { return op.side == Side::kContainer; });
  }
  Result<bool> current = is_current(header, *opened->kernel);
  if (!current) return {std::move(current).error()};
  if (!*current) return {};  // another boot or another host namespace: links and elements went with it
  return unwind(*opened->kernel, removals);
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
