#include "engine/attach/reference_remains.hpp"

#include "engine/attach/steps.hpp"
#include "firewall/reference_rules.hpp"

namespace fairlead::engine {
namespace {

void report_legacy_chain(const AttachmentContext& context, Kernel& kernel, IpFamily family) {
  const Identity& who = context.identity;
  const std::string chain = firewall::reference_chain(who.network(), who.container_id());
  const std::string program = family == IpFamily::kV4 ? "iptables-legacy" : "ip6tables-legacy";
  const Result<bool> there = kernel.has_legacy_chain(family, "nat", chain);
  if (!there) {
    context.log->info("FL2008", there.error().to_string());
  } else if (*there) {
    context.log->warning("FL2007", "the masquerading of " + object_of(context) +
                                       " that the reference plugin made with " + program +
                                       " is left: delete chain " + chain +
                                       " of table nat, and the jumps to it (" + program + " -t nat -S)");
  }
}

}  // namespace

std::vector<Error> remove_reference_remains(const AttachmentContext& context, Kernel& kernel) {
  const Identity& who = context.identity;
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) report_legacy_chain(context, kernel, family);
  std::vector<Error> errors =
      unwind(kernel, firewall::reference_rules(who.network(), who.container_id(), who.ifname().str()));
  // A kernel without nf_tables has no such rules.
  std::erase_if(errors, [](const Error& error) { return error.code == Errc::kUnsupported; });
  return errors;
}

}  // namespace fairlead::engine
