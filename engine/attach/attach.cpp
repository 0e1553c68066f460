// ADD, in this order: lock, record (intent), addresses, record (addresses and undo list), shared links,
// own links, firewall elements in one transaction, record (done).
//
// The undo list is on disk before the first change it takes back, so a kill at any instruction leaves either
// nothing or something that the record names. The bridge lock is held only while shared state is changed,
// which on a host that has its bridge is never: observing costs three queries, a lock would serialise all
// attachments of a bridge. Only where addresses of the bridge may be replaced (forceAddress) every ADD holds
// it until its port is there, and one that does replace an address to its end: see spare_used_addresses().
#include "engine/attach/attach.hpp"

#include <algorithm>

#include "engine/attach/locks.hpp"
#include "engine/attach/router_advertisements.hpp"
#include "engine/attach/steps.hpp"
#include "fairlead/deadline.hpp"
#include "fairlead/file.hpp"

namespace fairlead::engine {
namespace {

HostLink host_link_in(const LinkState& state) {
  return HostLink{.name = state.name, .mac = state.mac, .mtu = state.mtu};
}

std::vector<HostLink> links_in(const Observed& observed) {
  std::vector<HostLink> links;
  for (const auto& item : observed.items) {
    const auto* link = std::get_if<Observed::Link>(&item);
    if (link != nullptr && link->state) links.push_back(host_link_in(*link->state));
  }
  return links;
}

/// A bridge carries the host's own frames from when its first port forwards and the kernel has noticed; until
/// then it drops them. Whatever of the shared links is to be operational and is not: to be waited for at the
/// end. Without those where the spanning tree protocol makes that half a minute.
Plan carriers_missing(const Logger& log, const Desired& wants, const Observed& observed) {
  Plan waits;
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const auto* link = std::get_if<WantLink>(&wants[i].item);
    if (link == nullptr || !link->operational) continue;
    const std::optional<LinkState>& state = std::get<Observed::Link>(observed.items[i]).state;
    if (state && state->stp) {
      log.info("FL2012",
               "bridge " + state->name +
                   " runs the spanning tree protocol: it forwards to and from a new port only after "
                   "twice its forward delay");
    } else if (!state || !state->lower_up || state->operstate != kOperUp) {
      // A bridge that nobody has looked at yet ("unknown") loses its carrier to its first port.
      waits.push_back(Op{.side = wants[i].side, .action = AwaitOperational{link->spec.name}});
    }
  }
  return waits;
}

/// Whether an ADD with this configuration may replace an address of the bridge (forceAddress).
bool may_replace_addresses(const Desired& shared) {
  return std::any_of(shared.begin(), shared.end(), [](const Want& want) {
    const auto* address = std::get_if<WantAddress>(&want.item);
    return address != nullptr && address->conflict == AddressConflict::kReplace;
  });
}

/// One ADD under way: what has to be taken back if the next step fails.
class Attachment {
 public:
  Attachment(const AttachmentContext& context, const RangeLock& lock, const Driver& driver,
             AddressSource& source, Kernel& kernel)
      : context_(context),
        lock_(lock),
        driver_(driver),
        source_(source),
        kernel_(kernel),
        store_(context.run_dir),
        names_(names_of(context.identity, context.mac)) {}

  Result<Attached> run();

 private:
  Result<void> clear_the_way();
  Result<void> forget_other_boot();
  Result<void> recover(const Section& remains);
  Result<void> refuse_taken_name() const;
  Result<void> write_intent();
  Result<AddressPlan> acquire();
  Result<Attached> build();
  Result<Plan> plan_shared(const DesiredState& state);
  Result<void> change_shared(const DesiredState& state, const Plan& plan);
  Result<void> save_section(Phase phase, const Plan& shared, const Plan& own);
  Result<Attached> report(const DesiredState& state) const;
  Result<HostLink> host_link(const LinkSpec& spec) const;
  std::vector<Error> undo_shared();
  Error take_back(Error error);

  const AttachmentContext& context_;
  const RangeLock& lock_;
  const Driver& driver_;
  AddressSource& source_;
  Kernel& kernel_;
  RecordStore store_;
  AttachmentNames names_;
  Record record_;
  AddressPlan addresses_;
  bool holds_addresses_ = false;
  std::optional<RangeLock> bridge_lock_;
  std::set<LinkIndex> ports_before_;  ///< of a bridge whose address is about to be replaced
  Plan shared_undo_;                  ///< gives it back
  Plan applied_;                      ///< of what is ours alone
  Plan not_undone_;                   ///< what the rollback of a failed part left behind
  Plan carriers_missing_;             ///< shared links to wait for when everything is in place
  std::vector<HostLink> untouched_;   ///< shared links that are as they should be already
};

Result<void> Attachment::clear_the_way() {
  FAIRLEAD_TRY(std::optional<Record> found, store_.load(context_.identity));
  if (!found) return {};
  if (found->header.version > kRecordVersion) {
    return Unexpected(Errc::kUnsupported,
                      "attach " + object_of(context_) + ": its record has version " +
                          std::to_string(found->header.version) + ", this build knows " +
                          std::to_string(kRecordVersion),
                      "call DEL first, which works on any version");
  }
  record_ = *std::move(found);
  FAIRLEAD_TRY(const bool current, is_current(record_.header, kernel_));
  if (!current) return forget_other_boot();
  const Section* section = find_section(record_, context_.section_key, context_.plugin);
  if (section == nullptr) return {};
  if (section->phase == Phase::kDone) {
    return Unexpected(Error{.code = Errc::kExists,
                            .what = "attach " + object_of(context_) + ": it is attached already",
                            .remedy = "call DEL first, or use another interface name",
                            .protocol_code = kAlreadyAttachedCode});
  }
  return recover(Section(*section));
}

/// Of another boot, or another host namespace, nothing is left but a lease. The sections must not outlive
/// their header, which is about to become one of this boot.
Result<void> Attachment::forget_other_boot() {
  context_.log->info("FL2002", "the record of " + object_of(context_) + " is of another boot");
  record_.sections.clear();
  Result<void> released = source_.release();
  if (released) return {};
  return Unexpected(
      std::move(released).error().with_context("release what " + object_of(context_) + " had before a boot"));
}

Result<void> Attachment::recover(const Section& remains) {
  context_.log->info("FL2001", "undoing the remains of an interrupted attach of " + object_of(context_));
  std::vector<Error> errors = undo_section(context_, remains, record_.header);
  // The address may still be on a link that is left.
  if (errors.empty()) {
    if (Result<void> released = source_.release(); !released) errors.push_back(std::move(released).error());
  }
  if (!errors.empty()) {
    return Unexpected(
        join_errors(std::move(errors)).with_context("undo the remains of an interrupted attach"));
  }
  return store_.drop_section(context_.identity, record_, remains.key);
}

/// Before IPAM is asked: what a foreign plugin does about a second ADD (and then a DEL) of an interface that
/// is there would cost whoever uses it the address.
Result<void> Attachment::refuse_taken_name() const {
  if (!kernel_.has_container()) return {};
  FAIRLEAD_TRY(const std::optional<LinkState> taken,
               kernel_.find_link(Side::kContainer, context_.identity.ifname()));
  if (!taken) return {};
  return Unexpected(Errc::kExists,
                    "attach " + object_of(context_) + ": " + name_taken(Side::kContainer, taken->name),
                    "choose another interface name, or call DEL first if it is a former attachment's");
}

Result<AddressPlan> Attachment::acquire() {
  Result<AddressPlan> acquired = source_.acquire(lock_.fd());
  if (acquired || acquired.error().code != Errc::kExists) return acquired;
  // The interface is not there, so these addresses are those of an earlier life: before a boot, or of an
  // attachment whose record is lost.
  context_.log->info("FL2006", "releasing the addresses that " + object_of(context_) +
                                   " had before: " + acquired.error().what);
  FAIRLEAD_CHECK(source_.release());
  return source_.acquire(lock_.fd());
}

Result<void> Attachment::write_intent() {
  RecordHeader& header = record_.header;
  header.network = context_.identity.network();
  header.container_id = context_.identity.container_id();
  header.ifname = context_.identity.ifname().str();
  header.netns_path = context_.netns_path;
  FAIRLEAD_TRY(header.boot_id, boot_id());
  FAIRLEAD_TRY(header.host_cookie, kernel_.namespace_cookie(Side::kHost));
  FAIRLEAD_TRY(header.container_cookie, kernel_.namespace_cookie(Side::kContainer));
  return save_section(Phase::kIntent, {}, {});
}

Result<void> Attachment::save_section(Phase phase, const Plan& shared, const Plan& own) {
  Section section{.key = context_.section_key,
                  .plugin = context_.plugin,
                  .phase = phase,
                  .addresses = addresses_,
                  .undo = undo_of(own, {})};
  // An address that forceAddress replaced comes back only if this ADD fails: afterwards others rely on the
  // new one.
  for (Op& op : undo_of(shared, {})) section.undo.push_back(std::move(op));
  if (record_.sections.empty() || record_.sections.back().key != section.key) {
    record_.sections.push_back(std::move(section));
  } else {
    record_.sections.back() = std::move(section);
  }
  return store_.save(context_.identity, record_);
}

/// The plan for the shared part; the bridge is locked if there is something to do, or if what is found in
/// place must not go before the port is there.
Result<Plan> Attachment::plan_shared(const DesiredState& state) {
  if (!may_replace_addresses(state.shared)) {
    FAIRLEAD_TRY(const Observed before, observe(kernel_, state.shared));
    FAIRLEAD_TRY(Plan plan, diff(state.shared, before));
    if (plan.empty()) {
      untouched_ = links_in(before);
      carriers_missing_ = carriers_missing(*context_.log, state.shared, before);
      return plan;
    }
  }
  FAIRLEAD_TRY(bridge_lock_, lock_bridge(context_.run_dir, state.lock_name));
  FAIRLEAD_TRY(const Observed locked, observe(kernel_, state.shared));
  carriers_missing_ = carriers_missing(*context_.log, state.shared, locked);
  FAIRLEAD_TRY(Plan plan, diff(state.shared, locked));
  if (plan.empty()) {
    untouched_ = links_in(locked);
  } else {
    FAIRLEAD_CHECK(keep_advertised_routes(kernel_, *context_.log, plan));
  }
  return plan;
}

Result<void> Attachment::change_shared(const DesiredState& state, const Plan& plan) {
  const Plan undo = undo_of(plan, {});
  if (const LinkName* const bridge = replaced_on(undo)) {
    FAIRLEAD_TRY(ports_before_, ports_of(kernel_, *bridge));
  }
  shared_undo_ = undo;
  FAIRLEAD_CHECK(carry_out(kernel_, plan, shared_undo_));
  if (!may_replace_addresses(state.shared)) bridge_lock_.reset();
  return {};
}

Result<Attached> Attachment::build() {
  FAIRLEAD_TRY(addresses_, acquire());
  holds_addresses_ = true;
  FAIRLEAD_TRY(addresses_, driver_.complete(std::move(addresses_)));
  const DesiredState state = driver_.desired(names_, addresses_);

  FAIRLEAD_TRY(const Plan shared, plan_shared(state));
  FAIRLEAD_TRY(const Observed observed, observe(kernel_, state.own, /*skip_container=*/true));
  FAIRLEAD_TRY(const Plan own, diff(state.own, observed));
  FAIRLEAD_CHECK(save_section(Phase::kIntent, shared, own));

  FAIRLEAD_CHECK(change_shared(state, shared));
  FAIRLEAD_CHECK(apply_plan(kernel_, own, &not_undone_));
  applied_ = own;
  // From here on the port shows that the bridge's addresses are in use. A replaced one must not be replaced
  // again before it is certain that it need not come back.
  if (shared_undo_.empty()) bridge_lock_.reset();
  FAIRLEAD_CHECK(apply_plan(kernel_, carriers_missing_));
  FAIRLEAD_CHECK(await_addresses(kernel_, state.own));

  FAIRLEAD_TRY(Attached attached, report(state));
  // A kernel that held us up beyond the deadline, uninterruptibly: whoever called has given up by now.
  FAIRLEAD_CHECK(Deadline::check("attach " + object_of(context_)));
  FAIRLEAD_CHECK(save_section(Phase::kDone, {}, own));
  return attached;
}

Result<HostLink> Attachment::host_link(const LinkSpec& spec) const {
  // A pair is born as its specification says: nothing that the kernel could add to it.
  if (std::holds_alternative<VethLink>(spec.kind) && spec.mac) {
    return HostLink{
        .name = spec.name.str(), .mac = spec.mac, .mtu = spec.mtu ? spec.mtu->bytes() : kEtherMtu};
  }
  auto untouched = std::find_if(untouched_.begin(), untouched_.end(),
                                [&](const HostLink& link) { return link.name == spec.name.str(); });
  if (untouched != untouched_.end()) return *untouched;
  FAIRLEAD_TRY(const std::optional<LinkState> found, kernel_.find_link(Side::kHost, spec.name));
  if (!found) {
    return Unexpected(Errc::kNotFound, "find " + spec.name.str() + ": it vanished while we attached");
  }
  return host_link_in(*found);
}

Result<Attached> Attachment::report(const DesiredState& state) const {
  Attached attached{.names = names_, .addresses = addresses_, .host_links = {}};
  for (const Desired* part : {&state.shared, &state.own}) {
    for (const Want& want : *part) {
      const auto* link = std::get_if<WantLink>(&want.item);
      if (link == nullptr || want.side != Side::kHost) continue;
      if (std::holds_alternative<ExistingLink>(link->spec.kind)) continue;  // told by the want that makes it
      FAIRLEAD_TRY(HostLink reported, host_link(link->spec));
      attached.host_links.push_back(std::move(reported));
    }
  }
  return attached;
}

/// Gives the bridge the addresses back that this ADD replaced. Where nobody can say whether the new ones are
/// in use, all of it is left to DEL.
std::vector<Error> Attachment::undo_shared() {
  if (Result<void> spared = spare_used_addresses(context_, kernel_, ports_before_, shared_undo_); !spared) {
    not_undone_.insert(not_undone_.end(), shared_undo_.begin(), shared_undo_.end());
    return {std::move(spared).error()};
  }
  return unwind(kernel_, shared_undo_, &not_undone_);
}

/// Undoes everything; what could not be undone stays in the record, for DEL to try again, and so does the
/// lease: its address may still be on the link that is left.
Error Attachment::take_back(Error error) {
  Deadline::disarm();  // past the deadline the rollback still has to be complete
  std::vector<Error> failures = unwind(kernel_, undo_of(applied_, {}), &not_undone_);
  for (Error& failure : undo_shared()) failures.push_back(std::move(failure));
  bridge_lock_.reset();  // no delegate runs under it
  if (holds_addresses_ && not_undone_.empty()) {
    if (Result<void> released = source_.release(); !released) failures.push_back(std::move(released).error());
  }
  if (failures.empty() && not_undone_.empty()) {
    if (Result<void> dropped = store_.drop_section(context_.identity, record_, context_.section_key);
        !dropped) {
      failures.push_back(std::move(dropped).error());
    }
  }
  for (Error& failure : failures) error.secondary.push_back(std::move(failure));
  return error;
}

Result<Attached> Attachment::run() {
  FAIRLEAD_CHECK(clear_the_way());
  FAIRLEAD_CHECK(refuse_taken_name());
  FAIRLEAD_CHECK(write_intent());
  Result<Attached> attached = build();
  if (!attached) return Unexpected(take_back(std::move(attached).error()));
  return attached;
}

}  // namespace

KernelFactory running_kernel(const Logger& log) {
  return [&log](const std::string& netns_path) -> Result<OpenedKernel> {
    OpenedKernel opened;
    if (!netns_path.empty()) {
      FAIRLEAD_TRY(Netns container, Netns::open(netns_path));
      opened.container = std::make_unique<Netns>(std::move(container));
    }
    FAIRLEAD_TRY(opened.kernel, fairlead::open_kernel(opened.container.get(), log));
    return opened;
  };
}

Result<Attached> attach(const AttachmentContext& context, const Driver& driver, AddressSource& source) {
  FAIRLEAD_TRY(const OpenedKernel opened, context.open_kernel(context.netns_path));
  FAIRLEAD_TRY(const RangeLock lock, lock_attachment(context.run_dir, context.identity));
  return Attachment(context, lock, driver, source, *opened.kernel).run();
}

}  // namespace fairlead::engine
