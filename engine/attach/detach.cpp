// DEL: backwards through what ADD did, past every error, the record last.
#include "engine/attach/attach.hpp"
#include "engine/attach/locks.hpp"
#include "engine/attach/reference_remains.hpp"
#include "engine/attach/steps.hpp"

namespace fairlead::engine {
namespace {

/// Without a record the path of a namespace proves nothing: it may be that of a later container (a name of
/// `ip netns`, a reused process id), and a DEL may be repeated long after. An alias says whose a pair is;
/// only where the host end has none of ours does the MAC that the runtime was told decide.
Result<bool> is_ours(const AttachmentContext& context, Kernel& kernel, const LinkState& link,
                     const std::optional<MacAddress>& known_mac) {
  FAIRLEAD_TRY(const std::optional<LinkState> host_end, host_end_of(kernel, link));
  if (host_end && path_in_alias(host_end->alias)) return host_end->alias == context.identity.link_alias();
  if (known_mac) return link.mac == known_mac;
  return host_end && host_end->alias.empty();
}

Result<void> remove_container_link(const AttachmentContext& context, Kernel& kernel,
                                   const std::optional<MacAddress>& known_mac) {
  FAIRLEAD_TRY(const std::optional<LinkState> link,
               kernel.find_link(Side::kContainer, context.identity.ifname()));
  if (!link || link->loopback) return {};
  FAIRLEAD_TRY(const bool ours, is_ours(context, kernel, *link, known_mac));
  if (!ours) return {};
  std::vector<Error> errors =
      unwind(kernel, {Op{.side = Side::kContainer, .action = DeleteLink{context.identity.ifname()}}});
  if (!errors.empty()) return Unexpected(join_errors(std::move(errors)));
  return {};
}

/// No record: the run directory was wiped, or somebody else made the attachment.
std::vector<Error> remove_without_record(const AttachmentContext& context,
                                         const std::optional<MacAddress>& known_mac) {
  Result<OpenedKernel> opened = context.open_kernel(context.netns_path);
  if (!opened) opened = context.open_kernel("");  // the namespace is gone: the host's side is left
  if (!opened) return {std::move(opened).error()};
  std::vector<Error> errors = remove_derived(context.identity.key(), *opened->kernel);
  for (Error& error : remove_reference_remains(context, *opened->kernel)) errors.push_back(std::move(error));
  if (opened->kernel->has_container()) {
    Result<void> removed = remove_container_link(context, *opened->kernel, known_mac);
    if (!removed) errors.push_back(std::move(removed).error());
  }
  return errors;
}

}  // namespace

Result<void> detach(const AttachmentContext& context, AddressSource& source,
                    const std::optional<MacAddress>& known_mac) {
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
    errors = remove_without_record(context, known_mac);
  }
  // The address may still be on a link that is left, so it is not given away before that is gone.
  if (errors.empty()) {
    if (Result<void> released = source.release(); !released) errors.push_back(std::move(released).error());
  }
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
