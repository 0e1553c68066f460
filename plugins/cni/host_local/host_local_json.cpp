// The configuration of host-local.
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/host_local/host_local.hpp"
#include "plugins/cni/result_json.hpp"

namespace fairlead::cni::host_local {
namespace {

Result<ipam::RangeSpec> decode_range(const Node& node) {
  FAIRLEAD_TRY(const auto subnet, node.network("subnet"));
  if (!subnet) return node.invalid("subnet is missing");
  ipam::RangeSpec range{.subnet = *subnet};
  FAIRLEAD_TRY(range.start, node.ip("rangeStart"));
  FAIRLEAD_TRY(range.end, node.ip("rangeEnd"));
  FAIRLEAD_TRY(range.gateway, node.ip("gateway"));
  return range;
}

/// Appends the sets of `parent`.`key`, a list of lists of ranges.
Result<void> append_sets(const Node& parent, std::string_view key,
                         std::vector<std::vector<ipam::RangeSpec>>& sets) {
  FAIRLEAD_TRY(const auto set_nodes, parent.items(key));
  for (const Node& set_node : set_nodes) {
    FAIRLEAD_TRY(const auto range_nodes, set_node.items());
    std::vector<ipam::RangeSpec>& set = sets.emplace_back();
    for (const Node& range_node : range_nodes) {
      FAIRLEAD_TRY(ipam::RangeSpec range, decode_range(range_node));
      set.push_back(range);
    }
  }
  return {};
}

/// The old form, where `ipam` itself is the only range.
Result<void> append_flat_set(const Node& ipam, const Request& request,
                             std::vector<std::vector<ipam::RangeSpec>>& sets) {
  FAIRLEAD_TRY(const auto subnet, ipam.string("subnet"));
  if (subnet && !subnet->empty()) {
    FAIRLEAD_TRY(ipam::RangeSpec range, decode_range(ipam));
    sets.push_back({range});
    return {};
  }
  for (const char* key : {"rangeStart", "rangeEnd", "gateway"}) {
    FAIRLEAD_TRY(const auto address, ipam.ip(key));
    if (address) {
      request.log->warning("FL5101", ipam.path() + "." + key + " has no effect without " + ipam.path() +
                                         ".subnet: write it into a range of ranges");
    }
  }
  return {};
}

/// An address with or without a prefix length, which says nothing here: the range's subnet counts.
Result<IpAddress> parse_request(const std::string& text, const std::string& source) {
  if (text.find('/') != std::string::npos) {
    auto address = IfaceAddress::parse(text);
    if (address) return address->address();
    return fail(kInvalidConfig, source + ": " + address.error().what);
  }
  auto address = IpAddress::parse(text);
  if (address) return address;
  return fail(kInvalidConfig, source + ": " + address.error().what);
}

Result<std::vector<IpAddress>> parse_requests(const std::vector<std::string>& texts,
                                              const std::string& source) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) {
    FAIRLEAD_TRY(const IpAddress address, parse_request(text, source));
    addresses.push_back(address);
  }
  return addresses;
}

/// Of three places the one that is nearest to the runtime; what is wrong in any of them is an error.
Result<std::vector<IpAddress>> decode_requested(const Node& root, const Request& request) {
  FAIRLEAD_TRY(const Node runtime, root.member("runtimeConfig"));
  FAIRLEAD_TRY(const Node args, root.member("args"));
  FAIRLEAD_TRY(const Node cni_args, args.member("cni"));
  FAIRLEAD_TRY(const auto runtime_texts, runtime.strings("ips"));
  FAIRLEAD_TRY(const auto args_texts, cni_args.strings("ips"));
  std::vector<std::string> environment_texts;
  if (const auto ip = request.args.find("IP"); ip != request.args.end() && !ip->second.empty())
    environment_texts.push_back(ip->second);

  FAIRLEAD_TRY(auto from_runtime, parse_requests(runtime_texts, "runtimeConfig.ips"));
  FAIRLEAD_TRY(auto from_args, parse_requests(args_texts, "args.cni.ips"));
  FAIRLEAD_TRY(auto from_environment, parse_requests(environment_texts, "IP of CNI_ARGS"));
  if (!from_runtime.empty()) return from_runtime;
  return !from_args.empty() ? from_args : from_environment;
}

}  // namespace

Result<ipam::Pool> decode_pool(const Request& request) {
  const Node root = request.config->root();
  FAIRLEAD_TRY(const Node ipam, root.member("ipam"));
  if (!ipam.present()) return fail(kInvalidConfig, "ipam: missing", "add an ipam section with a subnet");
  FAIRLEAD_TRY(const Node runtime, root.member("runtimeConfig"));
  std::vector<std::vector<ipam::RangeSpec>> sets;
  FAIRLEAD_CHECK(append_sets(runtime, "ipRanges", sets));
  FAIRLEAD_CHECK(append_flat_set(ipam, request, sets));
  FAIRLEAD_CHECK(append_sets(ipam, "ranges", sets));
  auto pool = ipam::Pool::make(sets);
  if (pool) return pool;
  Error error = std::move(pool).error().with_context("ipam");
  error.protocol_code = kInvalidConfig;
  return Unexpected(std::move(error));
}

Result<std::string> decode_data_dir(const Request& request) {
  FAIRLEAD_TRY(const Node ipam, request.config->root().member("ipam"));
  FAIRLEAD_TRY(auto data_dir, ipam.string("dataDir"));
  return std::move(data_dir).value_or("");
}

Result<Config> decode_config(const Request& request) {
  const Node root = request.config->root();
  FAIRLEAD_TRY(ipam::Pool pool, decode_pool(request));
  Config config{.pool = std::move(pool)};
  FAIRLEAD_TRY(config.requested, decode_requested(root, request));
  FAIRLEAD_TRY(const Node ipam, root.member("ipam"));
  FAIRLEAD_TRY(config.routes, decode_routes(ipam));
  FAIRLEAD_TRY(auto resolv_conf, ipam.string("resolvConf"));
  config.resolv_conf = std::move(resolv_conf).value_or("");
  return config;
}

}  // namespace fairlead::cni::host_local
