#include "plugins/cni/host_local/host_local.hpp"

#include <algorithm>

#include "fairlead/file.hpp"
#include "fairlead/run_directory.hpp"
#include "ipam/lease_store.hpp"

namespace fairlead::cni {
namespace host_local {
namespace {

ipam::Owner owner_of(const Request& request) {
  return {.container_id = request.container_id, .ifname = request.ifname};
}

Result<ipam::LeaseStore> store_at(const Request& request, std::string run_dir) {
  FAIRLEAD_TRY(std::string data_dir, decode_data_dir(request));
  return ipam::LeaseStore::at(
      {.data_dir = std::move(data_dir), .network = request.network, .run_dir = std::move(run_dir)});
}

/// For ADD and STATUS, which cannot do without the index.
Result<ipam::LeaseStore> open_store(const Request& request) {
  FAIRLEAD_TRY(std::string run_dir, run_directory(request.settings->run_dir));
  return store_at(request, std::move(run_dir));
}

/// For what only has to find leases: without an index it reads them all.
Result<ipam::LeaseStore> open_store_without_index_if_need_be(const Request& request) {
  auto run_dir = run_directory(request.settings->run_dir);
  if (run_dir) return store_at(request, *std::move(run_dir));
  request.log->warning("FL5102", "no index of leases: " + run_dir.error().to_string());
  return store_at(request, "");
}

/// Known before anything is reserved, as the version cannot tell the result.
Result<void> check_expressible(const ipam::Pool& pool, const SpecVersion& version) {
  const auto of_v4 = std::ranges::count_if(
      pool.sets(), [](const ipam::RangeSet& set) { return set.family() == IpFamily::kV4; });
  if (version >= SpecVersion(0, 3, 0) || (of_v4 <= 1 && std::ssize(pool.sets()) - of_v4 <= 1)) return {};
  return fail(kIncompatibleVersion,
              "CNI version " + version.to_string() + " does not support more than 1 address per family",
              "use cniVersion 0.3.0 or later, or one range set per family");
}

Result<Dns> read_resolv_conf(const std::string& path) {
  if (path.empty()) return Dns{};
  FAIRLEAD_TRY(const auto text, read_file(path));
  if (text) return parse_resolv_conf(*text);
  return fail(kInvalidConfig, "ipam.resolvConf: " + path + " does not exist",
              "create it, or leave resolvConf out");
}

Result<AddResult> add(const Request& request) {
  FAIRLEAD_TRY(Config config, decode_config(request));
  FAIRLEAD_CHECK(check_expressible(config.pool, request.version));
  AddResult result{.routes = std::move(config.routes)};
  FAIRLEAD_TRY(result.dns, read_resolv_conf(config.resolv_conf));
  FAIRLEAD_TRY(const ipam::LeaseStore store, open_store(request));
  auto leases = store.allocate(config.pool, owner_of(request), config.requested);
  if (!leases) {
    Error error = std::move(leases).error();
    if (error.code == Errc::kExists) error.protocol_code = kAlreadyAttached;
    return Unexpected(std::move(error));
  }
  for (const ipam::Lease& lease : *leases)
    result.ips.push_back({.address = lease.address, .gateway = lease.gateway});
  return result;
}

Result<void> del(const Request& request) {
  FAIRLEAD_TRY(const ipam::LeaseStore store, open_store_without_index_if_need_be(request));
  FAIRLEAD_CHECK(store.release(owner_of(request)));
  return {};
}

/// Every address of prevResult that is out of our pool has to be the container's, and there has to be one.
Result<void> check(const Request& request) {
  FAIRLEAD_TRY(const ipam::Pool pool, decode_pool(request));
  FAIRLEAD_TRY(const ipam::LeaseStore store, open_store_without_index_if_need_be(request));
  FAIRLEAD_TRY(const std::vector<IpAddress> leased, store.leases_of(owner_of(request)));
  const std::string whose =
      "container " + request.container_id + " interface " + request.ifname + " on network " + request.network;
  if (leased.empty()) return fail(kCheckFailed, "check leases: " + whose + " has no address");
  if (!request.prev_result) return {};
  for (const Ip& ip : request.prev_result->ips) {
    const IpAddress& address = ip.address.address();
    const bool ours =
        std::ranges::any_of(pool.sets(), [&](const ipam::RangeSet& set) { return set.contains(address); });
    if (ours && std::ranges::find(leased, address) == leased.end())
      return fail(kCheckFailed, "check leases: " + address.to_string() + " is not leased to " + whose);
  }
  return {};
}

std::vector<ipam::Owner> owners_of(const std::vector<AttachmentId>& attachments) {
  std::vector<ipam::Owner> owners;
  owners.reserve(attachments.size());
  for (const AttachmentId& id : attachments)
    owners.push_back({.container_id = id.container_id, .ifname = id.ifname});
  return owners;
}

Result<void> gc(const Request& request) {
  FAIRLEAD_TRY(const ipam::LeaseStore store, open_store_without_index_if_need_be(request));
  ipam::AlsoValid also_valid;
  if (request.attached_by_now) {
    also_valid = [&] { return request.attached_by_now().transform(owners_of); };
  }
  FAIRLEAD_TRY(const std::vector<ipam::Freed> freed,
               store.collect(owners_of(request.valid_attachments), also_valid, request.judged_at));
  for (const ipam::Freed& lease : freed) {
    request.log->info("FL5103", "freed " + lease.address.to_string() + " of container '" +
                                    lease.owner.container_id + "' interface '" + lease.owner.ifname + "'");
  }
  return {};
}

Result<void> status(const Request& request) {
  FAIRLEAD_TRY(const ipam::Pool pool, decode_pool(request));
  FAIRLEAD_TRY(const ipam::LeaseStore store, open_store(request));
  return store.check_available(pool);
}

}  // namespace

Dns parse_resolv_conf(std::string_view text) {
  Dns dns;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    std::vector<std::string> words;
    for (std::size_t at = line.find_first_not_of(" \t\r"); at != std::string_view::npos;) {
      const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
      words.emplace_back(line.substr(at, end - at));
      at = line.find_first_not_of(" \t\r", end);
    }
    if (words.size() < 2 || words[0].front() == '#' || words[0].front() == ';') continue;
    if (words[0] == "nameserver") dns.nameservers.push_back(words[1]);
    if (words[0] == "domain") dns.domain = words[1];
    if (words[0] == "search") dns.search.insert(dns.search.end(), words.begin() + 1, words.end());
    if (words[0] == "options") dns.options.insert(dns.options.end(), words.begin() + 1, words.end());
  }
  return dns;
}

}  // namespace host_local

const Plugin& host_local_plugin() {
  static const Plugin plugin{
      .type = "host-local",
      .about = "Hands out addresses of configured ranges and keeps the leases on this host.",
      .known_args = {"IP"},
      .add = host_local::add,
      .del = host_local::del,
      .check = host_local::check,
      .gc = host_local::gc,
      .status = host_local::status,
      .has_own_addresses = true};
  return plugin;
}

}  // namespace fairlead::cni
