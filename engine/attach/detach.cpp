// DEL: backwards through what ADD did, past every error, the record last.
#include "engine/attach/attach.hpp"
#include "engine/attach/locks.hpp"
#include "engine/attach/reference_remains.hpp"
#include "engine/attach/steps.hpp"

namespace fairlead::engine {
namespace {

/// Without a record the interface in the container is ours if the runtime's result says so, or if its host
/// end does not carry another attachment's name.
Result<bool> may_delete(const AttachmentContext& context, Kernel& kernel, const LinkState& link,
                        bool previous_names_link) {
  if (previous_names_link) return true;
  // An index alone means nothing: the peer of a pair within the container may have that of a link here.
  if (link.kind != "veth" || !link.link || !link.link_nsid) return false;
  FAIRLEAD_TRY(const std::optional<LinkState> host_end, kernel.find_link(Side::kHost, *link.link));
  if (!host_end || host_end->kind != "veth") return false;
  if (host_end->link != link.index || !host_end->link_nsid) return false;
  return host_end->alias.empty() || host_end->alias == context.identity.link_alias();
}

Result<void> remove_container_link(const AttachmentContext& context, Kernel& kernel,
                                   bool previous_names_link) {
  FAIRLEAD_TRY(const std::optional<LinkState> link,
               kernel.find_link(Side::kContainer, context.identity.ifname()));
  if (!link || link->loopback) return {};
  FAIRLEAD_TRY(const bool ours, may_delete(context, kernel, *link, previous_names_link));
  if (!ours) return {};
  std::vector<Error> errors =
      unwind(kernel, {Op{.side = Side::kContainer, .action = DeleteLink{context.identity.ifname()}}});
  if (!errors.empty()) return Unexpected(join_errors(std::move(errors)));
  return {};
}

/// No record: the run directory was wiped, or somebody else made the attachment.
std::vector<Error> remove_without_record(const AttachmentContext& context, bool previous_names_link) {
  Result<OpenedKernel> opened = context.open_kernel(context.netns_path);
  if (!opened) opened = context.open_kernel("");  // the namespace is gone: the host's side is left
  if (!opened) return {std::move(opened).error()};
  std::vector<Error> errors = remove_derived(context.identity.key(), *opened->kernel);
  for (Error& error : remove_reference_remains(context, *opened->kernel)) errors.push_back(std::move(error));
  if (opened->kernel->has_container()) {
    Result<void> removed = remove_container_link(context, *opened->kernel, previous_names_link);
    if (!removed) errors.push_back(std::move(removed).error());
  }
  return errors;
}

}  // namespace

Result<void> detach(const AttachmentContext& context, AddressSource& source, bool previous_names_link) {
  const Result<RangeLock> lock = lock_attachment(context.run_dir, context.identity);
  if (!lock) {
    // Where the run directory cannot be written no ADD gets anywhere either, so there is nobody to wait for.
    if (lock.error().code != Errc::kDenied) return Unexpected(Error(lock.error()));
    context.log->warning("FL2005", lock.error().to_string() + ": detaching without it");
  }
  const RecordStore store(context.run_dir);
  Result<std::optional<Record>> record = store.load(context.identity);
  if (!record) {
    context.log->warning("FL2003", record.error().to_string() + ": removing by derived names");
  }
  Record* known = record && *record ? &**record : nullptr;
  const Section* section =
      known != nullptr ? find_section(*known, context.section_key, context.plugin) : nullptr;

  std::vector<Error> errors;
  if (section != nullptr) {
    errors = undo_section(context, *section, known->header);
  } else if (known == nullptr) {
    errors = remove_without_record(context, previous_names_link);
  }
  if (Result<void> released = source.release(); !released) errors.push_back(std::move(released).error());

  if (errors.empty()) {
    Result<void> dropped;
    if (section != nullptr) dropped = store.drop_section(context.identity, *known, std::string(section->key));
    if (!record)
      dropped = store.remove(context.identity);  // unreadable, and nothing is left that it could name
    if (!dropped) errors.push_back(std::move(dropped).error());
  }
  if (errors.empty()) return {};
  return Unexpected(join_errors(std::move(errors)).with_context("detach " + object_of(context)));
}

}  // namespace fairlead::engine
