// GC: everything of a network that the runtime no longer knows. Three places are looked at, since any of
// them may be all that is left: records, links by their alias, nft elements by their comment.
//
// Alias and comment are cut off at a limit, and a name that is cut off is another attachment's. So only the
// key says whose a thing is: an element's comment begins with it, and a link's name is derived from it.
#include <algorithm>

#include "engine/attach/attach.hpp"
#include "engine/attach/locks.hpp"
#include "engine/attach/steps.hpp"
#include "firewall/tables.hpp"

namespace fairlead::engine {
namespace {

/// GC does not touch what another call is working on at this moment; the next GC will.
Result<std::optional<RangeLock>> try_lock(const CollectContext& context, const AttachmentKey& key) {
  Result<RangeLock> lock = try_lock_attachment(context.run_dir, key);
  if (lock) return std::optional(*std::move(lock));
  if (lock.error().code == Errc::kBusy || lock.error().code == Errc::kDenied)
    return std::optional<RangeLock>();
  return Unexpected(std::move(lock).error());
}

Result<Identity> identity_of(const std::string& network, const AttachmentName& name) {
  FAIRLEAD_TRY(LinkName ifname, LinkName::parse(name.ifname));
  return Identity::make(network, name.container_id, std::move(ifname));
}

bool is_of_network(std::string_view text, const std::string& network) {
  return text.starts_with(network + "/");
}

/// The attachment that a text "network/container/ifname" names, if it is one of this network.
std::optional<AttachmentName> parse_owner(std::string_view text, const std::string& network) {
  if (!is_of_network(text, network)) return std::nullopt;
  text.remove_prefix(network.size() + 1);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash + 1 >= text.size()) return std::nullopt;
  return AttachmentName{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

/// The key in an element's comment "K network/...", if that is one of this network.
std::optional<AttachmentKey> owner_key(std::string_view comment, const std::string& network) {
  const std::size_t space = comment.find(' ');
  if (space == std::string_view::npos || !is_of_network(comment.substr(space + 1), network)) {
    return std::nullopt;
  }
  return parse_key(comment.substr(0, space));
}

void collect_record(const CollectContext& context, const RecordStore& store, const Record& listed,
                    std::vector<Error>& errors) {
  const AttachmentName name{listed.header.container_id, listed.header.ifname};
  Result<Identity> identity = identity_of(listed.header.network, name);
  if (!identity) return errors.push_back(std::move(identity).error());
  Result<std::optional<RangeLock>> lock = try_lock(context, identity->key());
  if (!lock) return errors.push_back(std::move(lock).error());
  if (!*lock) return;
  Result<std::optional<Record>> record = store.load(*identity);  // again, now that nobody else writes it
  if (!record) return errors.push_back(std::move(record).error());
  if (!*record) return;
  const AttachmentContext attachment{.identity = *identity,
                                     .netns_path = (*record)->header.netns_path,
                                     .plugin = context.plugin,
                                     .section_key = {},
                                     .run_dir = context.run_dir,
                                     .open_kernel = context.open_kernel,
                                     .log = context.log};
  const Section* section = find_section(**record, "", context.plugin);
  if (section == nullptr) return;
  std::vector<Error> failures = undo_section(attachment, *section, (*record)->header);
  if (failures.empty()) {
    Result<void> dropped = store.drop_section(*identity, **record, std::string(section->key));
    if (!dropped) failures.push_back(std::move(dropped).error());
  }
  for (Error& failure : failures) {
    errors.push_back(std::move(failure).with_context("collect " + identity->path()));
  }
}

/// Removes what carries the attachment's key without a record that could say so.
void collect_nameless(const CollectContext& context, const RecordStore& store, Kernel& kernel,
                      const AttachmentKey& key, const Plan& removals, std::vector<Error>& errors) {
  Result<std::optional<RangeLock>> lock = try_lock(context, key);
  if (!lock || !*lock) return;
  if (store.exists(context.network, key)) return;  // made since we looked
  for (Error& error : unwind(kernel, removals)) errors.push_back(std::move(error));
}

/// A record that cannot be read says no more than its own name, K, from which the rest is derived.
void collect_unreadable(const CollectContext& context, const RecordStore& store, Kernel& kernel,
                        const RecordStore::Unreadable& found, std::vector<Error>& errors) {
  Result<std::optional<RangeLock>> lock = try_lock(context, found.key);
  if (!lock) return errors.push_back(std::move(lock).error());
  if (!*lock) return;
  context.log->warning("FL2003", found.error.to_string() + ": removing by derived names");
  std::vector<Error> failures = remove_derived(found.key, kernel);
  if (failures.empty()) {
    if (Result<void> removed = store.remove(found.network, found.key); !removed) {
      failures.push_back(std::move(removed).error());
    }
  }
  for (Error& failure : failures) errors.push_back(std::move(failure));
}

/// Records that a killed writer left half-way, whoever they belong to: nobody can be writing one whose
/// attachment is not locked.
void sweep_unfinished(const CollectContext& context, const RecordStore& store, std::vector<Error>& errors) {
  Result<std::vector<AttachmentKey>> keys = store.unfinished(context.network);
  if (!keys) return errors.push_back(std::move(keys).error());
  for (const AttachmentKey& key : *keys) {
    Result<std::optional<RangeLock>> lock = try_lock(context, key);
    if (!lock) return errors.push_back(std::move(lock).error());
    if (*lock) store.remove_unfinished(context.network, key);
  }
}

using Leftovers = std::map<AttachmentKey, Plan>;

void find_links(const CollectContext& context, Kernel& kernel, Leftovers& leftovers,
                std::vector<Error>& errors) {
  Result<std::vector<LinkState>> links = kernel.links(Side::kHost);
  if (!links) return errors.push_back(std::move(links).error());
  for (const LinkState& link : *links) {
    const auto path = path_in_alias(link.alias);
    if (link.kind != "veth" || !path) continue;
    const auto owner = parse_owner(*path, context.network);
    if (!owner) continue;
    Result<Identity> identity = identity_of(context.network, *owner);
    // An alias that was cut names another attachment than the one that the link's name is derived from.
    if (!identity || identity->host_link().str() != link.name) continue;
    leftovers[identity->key()].push_back(
        Op{.side = Side::kHost, .action = DeleteLink{identity->host_link()}});
  }
}

void find_elements(const CollectContext& context, Kernel& kernel, Leftovers& leftovers,
                   std::vector<Error>& errors) {
  const nft::TableSpec table = firewall::inet_table();
  for (const nft::SetSpec& set : table.sets) {
    auto elements = kernel.elements({.family = table.family, .table = table.name, .set = set.name});
    if (!elements) {
      errors.push_back(std::move(elements).error());
      continue;
    }
    for (nft::Element& element : *elements) {
      // The set's limit may have cut the comment behind the network: its beginning is enough.
      const auto key = owner_key(element.comment, context.network);
      if (key) {
        leftovers[*key].push_back(Op{.side = Side::kHost, .action = RemoveElement{std::move(element)}});
      }
    }
  }
}

}  // namespace

Result<void> collect(const CollectContext& context, const std::set<AttachmentName>& valid) {
  const RecordStore store(context.run_dir);
  std::vector<Error> errors;
  std::vector<RecordStore::Unreadable> unreadable;
  FAIRLEAD_TRY(const std::vector<Record> records, store.list(context.network, &unreadable));
  std::set<AttachmentKey> spared;  // in use, or their record has been seen to
  const auto spare = [&](const AttachmentName& name) {
    if (Result<Identity> identity = identity_of(context.network, name)) spared.insert(identity->key());
  };
  std::for_each(valid.begin(), valid.end(), spare);
  for (const Record& record : records) {
    const AttachmentName name{record.header.container_id, record.header.ifname};
    if (valid.count(name) == 0) collect_record(context, store, record, errors);
    spare(name);
  }
  sweep_unfinished(context, store, errors);

  FAIRLEAD_TRY(const OpenedKernel opened, context.open_kernel(""));
  for (const RecordStore::Unreadable& found : unreadable) {
    if (spared.count(found.key) == 0) collect_unreadable(context, store, *opened.kernel, found, errors);
  }
  Leftovers leftovers;
  find_elements(context, *opened.kernel, leftovers, errors);
  find_links(context, *opened.kernel, leftovers, errors);
  for (const auto& [key, removals] : leftovers) {
    if (spared.count(key) == 0) collect_nameless(context, store, *opened.kernel, key, removals, errors);
  }
  if (errors.empty()) return {};
  return Unexpected(join_errors(std::move(errors)).with_context("collect network " + context.network));
}

}  // namespace fairlead::engine
