#include "plugins/cni/attachment.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "fairlead/run_directory.hpp"
#include "plugins/cni/config_digest.hpp"
#include "plugins/cni/config_json.hpp"

namespace fairlead::cni {
namespace {

engine::AttachedRoute to_engine(const Route& route) {
  return {.destination = route.dst,
          .gateway = route.gw,
          .mtu = route.mtu,
          .advmss = route.advmss,
          .priority = route.priority,
          .table = route.table,
          .scope = route.scope};
}

Route from_engine(const engine::AttachedRoute& route) {
  return {.dst = route.destination,
          .gw = route.gateway,
          .mtu = route.mtu,
          .advmss = route.advmss,
          .priority = route.priority,
          .table = route.table,
          .scope = route.scope};
}

/// Index of the container's interface in prevResult.
std::optional<std::size_t> previous_interface(const Request& request) {
  if (!request.prev_result) return std::nullopt;
  const std::vector<Interface>& interfaces = request.prev_result->interfaces;
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    if (interfaces[i].name == request.ifname && !interfaces[i].sandbox.empty()) return i;
  }
  return std::nullopt;
}

std::vector<AttachmentId> ids_of(const std::set<engine::AttachmentName>& names) {
  std::vector<AttachmentId> ids;
  ids.reserve(names.size());
  for (const engine::AttachmentName& name : names) ids.push_back({name.container_id, name.ifname});
  return ids;
}

/// The IPAM plugin's part of GC. What the runtime does not know, but what has an address all the same, is as
/// valid to it as the rest: `spared`, and whoever has begun since. An ADD writes its record before it asks
/// for an address, so the records have to be read after the leases. Only an IPAM plugin in this process can
/// be made to do that; one of its own is told who has a record just before it is started, and an ADD that
/// takes its lease between that and the plugin's look loses it, unless the runtime keeps GC and ADD apart, or
/// says when it looked and the plugin, as ours do, heeds that.
Result<void> collect_addresses(const Request& request, const engine::CollectContext& context,
                               const std::set<engine::AttachmentName>& spared) {
  if (request.ipam_type.empty()) return {};
  FAIRLEAD_TRY(const Delegate ipam, Delegate::find(request, request.ipam_type));
  std::set<engine::AttachmentName> kept = spared;
  if (!ipam.in_process()) {
    FAIRLEAD_TRY(std::set<engine::AttachmentName> by_now, engine::recorded(context));
    kept.merge(by_now);
  }
  for (const AttachmentId& id : request.valid_attachments) kept.erase({id.container_id, id.ifname});
  Request extended = request;
  if (!kept.empty()) {
    std::vector<AttachmentId> valid = request.valid_attachments;
    std::ranges::copy(ids_of(kept), std::back_inserter(valid));
    FAIRLEAD_TRY(extended, with_valid_attachments(request, std::move(valid)));
  }
  extended.attached_by_now = [&] { return engine::recorded(context).transform(ids_of); };
  return ipam.call(Verb::kGc, extended);
}

}  // namespace

Result<engine::AddressPlan> DelegatedAddresses::acquire(int lock_fd) {
  engine::AddressPlan plan;
  if (request_.ipam_type.empty()) return plan;
  FAIRLEAD_TRY(const Delegate ipam, Delegate::find(request_, request_.ipam_type));
  FAIRLEAD_TRY(AddResult result, ipam.add(request_, lock_fd));
  if (result.ips.empty()) {
    Error error{.code = Errc::kInvalid,
                .what = "IPAM plugin \"" + request_.ipam_type + "\" returned no address",
                .remedy = "leave the ipam section out for an interface without addresses",
                .protocol_code = kDelegateFailed};
    if (Result<void> released = release(); !released) error.secondary.push_back(std::move(released).error());
    return Unexpected(std::move(error));
  }
  for (const Ip& ip : result.ips) plan.addresses.push_back({.address = ip.address, .gateway = ip.gateway});
  for (const Route& route : result.routes) plan.routes.push_back(to_engine(route));
  dns_ = std::move(result.dns);
  return plan;
}

Result<void> DelegatedAddresses::release() { return call_ipam(Verb::kDel, request_); }

Result<void> DelegatedAddresses::check() { return call_ipam(Verb::kCheck, request_); }

Result<void> call_ipam(Verb verb, const Request& request) {
  if (request.ipam_type.empty()) return {};
  FAIRLEAD_TRY(const Delegate ipam, Delegate::find(request, request.ipam_type));
  return ipam.call(verb, request);
}

engine::KernelFactory kernel_factory(const Logger& log) {
  return [open = engine::running_kernel(log)](const std::string& path) -> Result<engine::OpenedKernel> {
    Result<engine::OpenedKernel> opened = open(path);
    if (opened || path.empty()) return opened;
    Error error = std::move(opened).error();
    const bool namespace_is_bad = error.code == Errc::kNotFound || error.code == Errc::kInvalid;
    if (namespace_is_bad && error.protocol_code == 0) error.protocol_code = kInvalidNetns;
    return Unexpected(std::move(error));
  };
}

Result<engine::AttachmentContext> attachment_context(const Request& request,
                                                     const std::optional<MacAddress>& mac) {
  FAIRLEAD_TRY(LinkName ifname, LinkName::parse(request.ifname));
  FAIRLEAD_TRY(engine::Identity identity,
               engine::Identity::make(request.network, request.container_id, std::move(ifname)));
  FAIRLEAD_TRY(std::string run_dir, run_directory(request.settings->run_dir));
  return engine::AttachmentContext{.identity = std::move(identity),
                                   .netns_path = request.netns,
                                   .plugin = request.type,
                                   .section_key = request.type + ":" + config_digest(*request.config),
                                   .mac = mac,
                                   .run_dir = std::move(run_dir),
                                   .open_kernel = kernel_factory(*request.log),
                                   .log = request.log};
}

Result<engine::KnownAttachment> known_attachment(const Request& request) {
  if (!request.prev_result) {
    return fail(kInvalidConfig, "CHECK needs prevResult: the configuration has none");
  }
  const std::optional<std::size_t> index = previous_interface(request);
  if (!index) {
    return fail(kInvalidConfig, "prevResult does not list interface " + request.ifname + " in a sandbox",
                "send the result of the ADD with the same CNI_IFNAME");
  }
  engine::KnownAttachment known{.mac = previous_mac(request),
                                .mtu = request.prev_result->interfaces[*index].mtu};
  for (const Ip& ip : request.prev_result->ips) {
    if (ip.interface && *ip.interface != *index) continue;
    known.addresses.addresses.push_back({.address = ip.address, .gateway = ip.gateway});
  }
  for (const Route& route : request.prev_result->routes) known.addresses.routes.push_back(to_engine(route));
  return known;
}

std::optional<MacAddress> previous_mac(const Request& request) {
  const std::optional<std::size_t> index = previous_interface(request);
  if (!index) return std::nullopt;
  const Result<MacAddress> mac = MacAddress::parse(request.prev_result->interfaces[*index].mac);
  return mac ? std::optional(*mac) : std::nullopt;
}

AddResult result_of(const Request& request, const engine::Attached& attached, const Dns& dns) {
  AddResult result;
  for (const engine::HostLink& link : attached.host_links) {
    result.interfaces.push_back(
        {.name = link.name, .mac = link.mac ? link.mac->to_string() : "", .mtu = link.mtu});
  }
  // The pair is created with one MTU, so the container's end has that of the last host link, its peer.
  std::optional<std::uint32_t> mtu;
  if (!attached.host_links.empty()) mtu = attached.host_links.back().mtu;
  result.interfaces.push_back({.name = request.ifname,
                               .mac = attached.names.container_mac.to_string(),
                               .mtu = mtu,
                               .sandbox = request.netns});
  for (const engine::AttachedAddress& attached_address : attached.addresses.addresses) {
    result.ips.push_back({.address = attached_address.address,
                          .gateway = attached_address.gateway,
                          .interface = result.interfaces.size() - 1});
  }
  for (const engine::AttachedRoute& route : attached.addresses.routes)
    result.routes.push_back(from_engine(route));
  result.dns = dns;
  return result;
}

Result<void> collect_garbage(const Request& request) {
  FAIRLEAD_TRY(const std::string run_dir, run_directory(request.settings->run_dir));
  std::set<engine::AttachmentName> valid;
  for (const AttachmentId& id : request.valid_attachments) valid.insert({id.container_id, id.ifname});
  const engine::CollectContext context{.network = request.network,
                                       .plugin = request.type,
                                       .run_dir = run_dir,
                                       .open_kernel = kernel_factory(*request.log),
                                       .log = request.log,
                                       .judged_at = request.judged_at};
  FAIRLEAD_TRY(engine::Collected collected, engine::collect(context, valid));
  std::vector<Error> errors;
  if (collected.failure) errors.push_back(*std::move(collected.failure));
  if (Result<void> delegated = collect_addresses(request, context, collected.spared); !delegated) {
    errors.push_back(std::move(delegated).error());
  }
  if (errors.empty()) return {};
  return Unexpected(join_errors(std::move(errors)));
}

Result<void> common_status(const Request& request) {
  FAIRLEAD_TRY(const std::string run_dir, run_directory(request.settings->run_dir));
  // The first ADD creates the directory; what counts is the nearest one that is there.
  std::string nearest = run_dir;
  while (nearest.size() > 1 && access(nearest.c_str(), F_OK) != 0) nearest.resize(nearest.rfind('/'));
  if (nearest.empty()) nearest = "/";
  if (access(nearest.c_str(), W_OK | X_OK) != 0) {
    return fail(kNotAvailable, error_from_errno(errno, "write to run directory " + run_dir).what,
                "make it writable, or name another with FAIRLEAD_RUN_DIR");
  }
  return call_ipam(Verb::kStatus, request);
}

}  // namespace fairlead::cni
