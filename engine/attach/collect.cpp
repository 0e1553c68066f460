// GC: everything of a network that the runtime no longer knows. Three places are looked at, since any of
// them may be all that is left: records, links by their alias, nft elements by their comment.
//
// Alias and comment are cut off at a limit, and a name that is cut off is another attachment's. So only the
// key says whose a thing is: an element's comment begins with it, and a link's name is derived from it.
#include <algorithm>
#include <iterator>

#include "engine/attach/attach.hpp"
#include "engine/attach/locks.hpp"
#include "engine/attach/steps.hpp"
#include "fairlead/digest.hpp"
#include "firewall/tables.hpp"

namespace fairlead::engine {
namespace {

Result<Identity> identity_of(const std::string& network, const AttachmentName& name) {
  FAIRLEAD_TRY(LinkName ifname, LinkName::parse(name.ifname));
  return Identity::make(network, name.container_id, std::move(ifname));
}

/// The attachment that a text "network/container/ifname" names.
std::optional<Identity> parse_path(std::string_view path) {
  const std::size_t first = path.find('/');
  const std::size_t second = first == std::string_view::npos ? first : path.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const Result<Identity> identity = identity_of(
      std::string(path.substr(0, first)),
      {std::string(path.substr(first + 1, second - first - 1)), std::string(path.substr(second + 1))});
  return identity ? std::optional(*identity) : std::nullopt;
}

/// Whose an element is by its comment "K network/...".
struct ElementOwner {
  AttachmentKey key{};
  bool is_certain = true;  ///< false: the comment ends within the network's name
};

std::optional<ElementOwner> owner_of(std::string_view comment, const std::string& network) {
  const std::size_t space = comment.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::optional<AttachmentKey> key = parse_key(comment.substr(0, space));
  if (!key) return std::nullopt;
  if (comment.substr(space + 1).starts_with(network + "/")) return ElementOwner{.key = *key};
  const std::string whole = to_hex(*key) + " " + network;
  const std::string stored = nft::stored_comment(whole + "/");
  if (stored.size() > whole.size() || stored != comment) return std::nullopt;
  return ElementOwner{.key = *key, .is_certain = false};
}

/// A chain may hold a plugin twice, and each has a section; newest first, as DEL would go.
std::vector<Section> sections_of(const Record& record, const std::string& plugin) {
  std::vector<Section> sections;
  std::copy_if(record.sections.rbegin(), record.sections.rend(), std::back_inserter(sections),
               [&](const Section& section) { return section.plugin == plugin; });
  return sections;
}

/// What carries a key without a record that could say so.
struct Leftover {
  Plan removals{};
  std::optional<AttachmentName> name{};  ///< of a link
  bool is_certain = false;               ///< that it is this network's
};

/// One GC under way.
class Collection {
 public:
  Collection(const CollectContext& context, const std::set<AttachmentName>& valid)
      : context_(context), valid_(valid), store_(context.run_dir) {}

  Result<Collected> run();

 private:
  std::optional<RangeLock> try_lock(const AttachmentKey& key);
  bool is_unjudged(const std::string& network, const AttachmentKey& key) const;
  void note(Error error);
  bool note_all(std::vector<Error> errors);
  void settle(const AttachmentName& name);
  void collect_records(const std::vector<Record>& records);
  void collect_record(const Identity& identity);
  void collect_unreadable(Kernel& kernel, const RecordStore::Unreadable& found);
  void find_links(Kernel& kernel);
  void find_elements(Kernel& kernel);
  bool has_link_of_unknown(const AttachmentKey& key) const;
  bool collect_leftover(Kernel& kernel, const AttachmentKey& key, const Leftover& leftover);
  Result<void> spare_what_has_a_record();

  const CollectContext& context_;
  const std::set<AttachmentName>& valid_;
  RecordStore store_;
  std::set<AttachmentKey> settled_;  ///< valid, or their record has been seen to
  std::map<AttachmentKey, Leftover> leftovers_;
  /// The name of every link, and the one that a renamed host end was made with. Nothing: not known.
  std::optional<std::set<std::string>> host_ends_;
  std::set<AttachmentName> spared_;
  std::vector<Error> errors_;
};

/// The same error of many attachments (a lock file that cannot be opened) is told once.
void Collection::note(Error error) {
  const bool is_known = std::any_of(errors_.begin(), errors_.end(),
                                    [&](const Error& other) { return other.what == error.what; });
  if (!is_known) errors_.push_back(std::move(error));
}

/// Whether there was none.
bool Collection::note_all(std::vector<Error> errors) {
  for (Error& error : errors) note(std::move(error));
  return errors.empty();
}

/// Nothing if another call is working on the attachment at this moment: the next GC will see to it. Nothing,
/// too, after an error.
std::optional<RangeLock> Collection::try_lock(const AttachmentKey& key) {
  Result<RangeLock> lock = try_lock_attachment(context_.run_dir, key);
  if (lock) return *std::move(lock);
  if (lock.error().code != Errc::kBusy) note(std::move(lock).error());
  return std::nullopt;
}

/// Whether a record was written since it was found out who is valid: it may be that of an attachment that is
/// through by now, and whose lock is free. Its lock must be held.
bool Collection::is_unjudged(const std::string& network, const AttachmentKey& key) const {
  if (!context_.judged_at) return false;
  const Result<FileTime> written = store_.written_at(network, key);
  return written && *written >= *context_.judged_at;
}

void Collection::settle(const AttachmentName& name) {
  if (const Result<Identity> identity = identity_of(context_.network, name)) settled_.insert(identity->key());
}

void Collection::collect_records(const std::vector<Record>& records) {
  for (const Record& record : records) {
    const AttachmentName name{record.header.container_id, record.header.ifname};
    settle(name);
    if (valid_.contains(name)) continue;
    Result<Identity> identity = identity_of(record.header.network, name);
    if (identity) {
      collect_record(*identity);
    } else {
      note(std::move(identity).error());
    }
  }
}

void Collection::collect_record(const Identity& identity) {
  const std::optional<RangeLock> lock = try_lock(identity.key());
  if (!lock || is_unjudged(identity.network(), identity.key())) return;
  Result<std::optional<Record>> record = store_.load(identity);  // again, now that nobody else writes it
  if (!record) return note(std::move(record).error());
  if (!*record) return;
  const AttachmentContext attachment{.identity = identity,
                                     .netns_path = (*record)->header.netns_path,
                                     .plugin = context_.plugin,
                                     .section_key = {},
                                     .run_dir = context_.run_dir,
                                     .open_kernel = context_.open_kernel,
                                     .log = context_.log};
  for (const Section& section : sections_of(**record, context_.plugin)) {
    std::vector<Error> failures = undo_section(attachment, section, (*record)->header);
    if (failures.empty()) {
      Result<void> dropped = store_.drop_section(identity, **record, section.key);
      if (!dropped) failures.push_back(std::move(dropped).error());
    }
    for (Error& failure : failures) note(std::move(failure).with_context("collect " + identity.path()));
  }
}

/// A record that cannot be read says no more than its own name, K, from which the rest is derived.
void Collection::collect_unreadable(Kernel& kernel, const RecordStore::Unreadable& found) {
  if (!settled_.insert(found.key).second) return;
  const auto remove = [&] {
    const std::optional<RangeLock> lock = try_lock(found.key);
    if (!lock || is_unjudged(found.network, found.key)) return false;
    // Again, now that nobody writes it: an ADD that was about to write its first line has a record by now.
    if (const auto record = store_.load(found.network, found.key)) {
      if (!record->has_value()) settled_.erase(found.key);
      return true;
    }
    context_.log->warning("FL2003", found.error.to_string() + ": removing by derived names");
    if (!note_all(remove_derived(found.key, kernel))) return false;
    Result<void> removed = store_.remove(found.network, found.key);
    if (removed) return true;
    note(std::move(removed).error());
    return false;
  };
  const auto leftover = leftovers_.find(found.key);
  if (!remove() && leftover != leftovers_.end() && leftover->second.name) {
    spared_.insert(*leftover->second.name);
  }
}

void Collection::find_links(Kernel& kernel) {
  Result<std::vector<LinkState>> links = kernel.links(Side::kHost);
  if (!links) return note(std::move(links).error());
  host_ends_.emplace();
  for (const LinkState& link : *links) {
    host_ends_->insert(link.name);
    const auto path = path_in_alias(link.alias);
    if (link.kind != "veth" || !path) continue;
    const std::optional<Identity> identity = parse_path(*path);
    if (!identity) continue;
    host_ends_->insert(identity->host_link().str());
    // An alias that was cut names another attachment than the one that the link's name is derived from.
    if (identity->network() != context_.network || identity->host_link().str() != link.name) continue;
    Leftover& leftover = leftovers_[identity->key()];
    leftover.name = {identity->container_id(), identity->ifname().str()};
    leftover.is_certain = true;
    leftover.removals.push_back(Op{.side = Side::kHost, .action = DeleteLink{identity->host_link()}});
  }
}

void Collection::find_elements(Kernel& kernel) {
  const nft::TableSpec table = firewall::inet_table();
  for (const nft::SetSpec& set : table.sets) {
    auto elements = kernel.elements({.family = table.family, .table = table.name, .set = set.name});
    if (!elements) {
      note(std::move(elements).error());
      continue;
    }
    for (nft::Element& element : *elements) {
      // The set's limit may have cut the comment behind the network: its beginning is enough.
      const auto owner = owner_of(element.comment, context_.network);
      if (!owner) continue;
      Leftover& leftover = leftovers_[owner->key];
      leftover.is_certain = leftover.is_certain || owner->is_certain;
      leftover.removals.push_back(Op{.side = Side::kHost, .action = RemoveElement{std::move(element)}});
    }
  }
}

/// Whether a link may belong to an attachment of which nothing but the key is known.
bool Collection::has_link_of_unknown(const AttachmentKey& key) const {
  return !host_ends_ || host_ends_->contains(host_link_of(key).str());
}

/// Whether nothing is left. Elements that may be those of another network, whose name begins with the same
/// bytes, are nobody's if there is neither a record of their key nor a link: without it they serve no
/// purpose.
bool Collection::collect_leftover(Kernel& kernel, const AttachmentKey& key, const Leftover& leftover) {
  const std::optional<RangeLock> lock = try_lock(key);
  if (!lock || store_.exists(key)) return false;  // made since we looked, or another network's
  if (!leftover.is_certain && has_link_of_unknown(key)) {
    context_.log->warning("FL2010", "collect network " + context_.network + ": the elements of " +
                                        to_hex(key) +
                                        " are left, as its name does not tell them from those of another");
    return false;
  }
  return note_all(unwind(kernel, leftover.removals));
}

/// Whoever has one now was held by another call, could not be removed, or was begun since we looked first.
Result<void> Collection::spare_what_has_a_record() {
  FAIRLEAD_TRY(const std::set<AttachmentName> names, recorded(context_));
  std::set_difference(names.begin(), names.end(), valid_.begin(), valid_.end(),
                      std::inserter(spared_, spared_.end()));
  return {};
}

Result<Collected> Collection::run() {
  std::vector<RecordStore::Unreadable> unreadable;
  FAIRLEAD_TRY(const std::vector<Record> records, store_.list(context_.network, &unreadable));
  FAIRLEAD_TRY(const OpenedKernel opened, context_.open_kernel(""));
  for (const AttachmentName& name : valid_) settle(name);
  collect_records(records);
  find_elements(*opened.kernel);
  find_links(*opened.kernel);
  for (const RecordStore::Unreadable& found : unreadable) collect_unreadable(*opened.kernel, found);
  for (const auto& [key, leftover] : leftovers_) {
    if (settled_.contains(key)) continue;
    const bool is_gone = collect_leftover(*opened.kernel, key, leftover);
    if (!is_gone && leftover.name) spared_.insert(*leftover.name);
  }
  FAIRLEAD_CHECK(spare_what_has_a_record());
  Collected collected{.spared = std::move(spared_)};
  if (!errors_.empty()) collected.failure = join_errors(std::move(errors_));
  return collected;
}

}  // namespace

Result<Collected> collect(const CollectContext& context, const std::set<AttachmentName>& valid) {
  const std::string what = "collect network " + context.network;
  Result<Collected> collected = Collection(context, valid).run();
  if (!collected) return Unexpected(std::move(collected).error().with_context(what));
  if (collected->failure) collected->failure = std::move(*collected->failure).with_context(what);
  return collected;
}

Result<std::set<AttachmentName>> recorded(const CollectContext& context) {
  std::set<AttachmentName> names;
  FAIRLEAD_TRY(std::vector<Record> records, RecordStore(context.run_dir).list(context.network, nullptr));
  for (Record& record : records) {
    if (find_section(record, "", context.plugin) == nullptr) continue;
    names.insert({record.header.container_id, record.header.ifname});
  }
  return names;
}

}  // namespace fairlead::engine
