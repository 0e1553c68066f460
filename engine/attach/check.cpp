// CHECK: the desired state of the attachment against the kernel. Every difference is named.
#include <algorithm>

#include "engine/attach/attach.hpp"
#include "engine/attach/expectation.hpp"
#include "engine/attach/locks.hpp"
#include "engine/attach/steps.hpp"

namespace fairlead::engine {
namespace {

constexpr const char* kRemedy = "DEL and ADD create it anew";

/// A pair is made at once, so where its host end is gone there is nothing to compare but that.
void take_missing_pairs(Desired& wants, Observed& observed, std::vector<Error>& found) {
  for (std::size_t i = wants.size(); i-- > 0;) {
    const auto* link = std::get_if<WantLink>(&wants[i].item);
    if (link == nullptr || !std::holds_alternative<VethLink>(link->spec.kind)) continue;
    if (std::get<Observed::Link>(observed.items[i]).state) continue;
    found.push_back(Error{.code = Errc::kNotFound,
                          .what = "host end " + link->spec.name.str() + " of " +
                                  std::get<VethLink>(link->spec.kind).peer.name.str() + " is missing"});
    wants.erase(wants.begin() + static_cast<std::ptrdiff_t>(i));
    observed.items.erase(observed.items.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

/// prevResult may say more (chained plugins), but not that the addresses are others.
void compare_addresses(const AddressPlan& recorded, const AddressPlan& told, std::vector<Error>& found) {
  for (const AttachedAddress& mine : recorded.addresses) {
    const bool named = std::any_of(told.addresses.begin(), told.addresses.end(),
                                   [&](const AttachedAddress& a) { return a.address == mine.address; });
    if (named) continue;
    found.push_back(
        Error{.code = Errc::kNotFound,
              .what = "the address is " + mine.address.to_string() + ", which prevResult does not say"});
  }
}

/// Whether the op is there for another one's sake: a removal makes room, and a table without a reason goes
/// with its elements (whether it is there is not asked when one of them is missing).
bool only_helps(const Op& op) {
  return std::holds_alternative<DeleteLink>(op.action) || std::holds_alternative<RemoveAddress>(op.action) ||
         std::holds_alternative<RemoveRoute>(op.action) ||
         (std::holds_alternative<EnsureTable>(op.action) && op.reason.empty());
}

/// What an op that ADD would have to run says about the host as it is.
Error difference(const Op& op) {
  const std::string what = describe_object(op) + (op.reason.empty() ? " is missing" : ": " + op.reason);
  return Error{.code = Errc::kNotFound, .what = what};
}

/// CHECK has failed, and there is nothing to compare any more.
Unexpected lost(std::string what) {
  return Unexpected(Error{.code = Errc::kNotFound,
                          .what = std::move(what),
                          .remedy = kRemedy,
                          .protocol_code = kCheckFailedCode});
}

Result<const Section*> done_section(const AttachmentContext& context, Record& record) {
  if (record.header.version > kRecordVersion) {
    return Unexpected(Errc::kUnsupported,
                      "its record has version " + std::to_string(record.header.version) +
                          ", this build knows " + std::to_string(kRecordVersion),
                      "check it with the version that attached it");
  }
  const Section* section = find_section(record, context.section_key, context.plugin);
  if (section == nullptr) return lost("its record has no part of " + context.plugin);
  if (section->phase != Phase::kDone) return lost("its ADD was interrupted");
  return section;
}

/// The name of the host end of the container's interface, which only we derive from the attachment.
Result<LinkName> host_end_name(const LinkName& ifname, Kernel& kernel) {
  FAIRLEAD_TRY(const std::optional<LinkState> link, kernel.find_link(Side::kContainer, ifname));
  if (!link) return lost(ifname.str() + " in the container is missing");
  FAIRLEAD_TRY(const std::optional<LinkState> host_end, host_end_of(kernel, *link));
  if (!host_end) return lost(ifname.str() + " in the container has no far end on the host");
  return LinkName::parse(host_end->name);
}

/// What is wanted of the kernel; what prevResult contradicts is in `found`.
Result<DesiredState> expectation(const AttachmentContext& context, const Driver& driver,
                                 const KnownAttachment& known, Kernel& kernel, std::vector<Error>& found) {
  const RecordStore store(context.run_dir);
  FAIRLEAD_TRY(std::optional<Record> record, store.load(context.identity));
  const AttachmentNames names = names_of(context.identity, known.mac ? known.mac : context.mac);
  if (!record) {
    FAIRLEAD_TRY(const LinkName host_end, host_end_name(names.container_link, kernel));
    return expected_by_result(driver, names, host_end, known);
  }
  FAIRLEAD_TRY(const Section* const section, done_section(context, *record));
  const AddressPlan& recorded = section->addresses;
  if (!known.addresses.addresses.empty()) compare_addresses(recorded, known.addresses, found);
  return expected_by_record(driver, names, recorded, known);
}

Result<std::vector<Error>> differences(const AttachmentContext& context, const Driver& driver,
                                       const KnownAttachment& known) {
  FAIRLEAD_TRY(const OpenedKernel opened, context.open_kernel(context.netns_path));
  std::vector<Error> found;
  FAIRLEAD_TRY(const DesiredState state, expectation(context, driver, known, *opened.kernel, found));
  for (const Desired* part : {&state.shared, &state.own}) {
    Desired wants = *part;
    FAIRLEAD_TRY(Observed observed, observe(*opened.kernel, wants));
    take_missing_pairs(wants, observed, found);
    Result<Plan> plan = diff(wants, observed);
    if (!plan) {
      found.push_back(std::move(plan).error());
      continue;
    }
    for (const Op& op : *plan) {
      if (!only_helps(op)) found.push_back(difference(op));
    }
  }
  return found;
}

}  // namespace

Result<void> check(const AttachmentContext& context, const Driver& driver, AddressSource& source,
                   const KnownAttachment& known) {
  FAIRLEAD_TRY(const RangeLock lock, lock_attachment(context.run_dir, context.identity));
  Result<std::vector<Error>> found = differences(context, driver, known);
  if (!found) return Unexpected(std::move(found).error().with_context("check " + object_of(context)));
  if (Result<void> leased = source.check(); !leased) found->push_back(std::move(leased).error());
  if (found->empty()) return {};
  Error error =
      join_errors(*std::move(found)).with_context("check " + object_of(context)).with_remedy(kRemedy);
  error.protocol_code = kCheckFailedCode;
  return Unexpected(std::move(error));
}

}  // namespace fairlead::engine
