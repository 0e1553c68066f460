#include "plugins/cni/config_json.hpp"

#include <limits>

#include "libnet/src/base/quote.hpp"
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/environment.hpp"
#include "plugins/cni/json_reader_json.hpp"
#include "plugins/cni/result_json.hpp"

namespace fairlead::cni {
namespace {

constexpr const char* kValidKey = "cni.dev/valid-attachments";
constexpr const char* kOldValidKey = "cni.dev/attachments";  // libcni's before 1.1.0, which it still sends
/// Ours: nanoseconds of CLOCK_REALTIME_COARSE, the clock of files. A runtime that cannot keep GC and ADD
/// apart, as a tool on the command line, looks at it before it looks who is valid.
constexpr const char* kJudgedKey = "fairlead.dev/judged-at";

Result<void> decode_version(const Node& root, Request& request) {
  FAIRLEAD_TRY(const auto text, root.string("cniVersion"));
  FAIRLEAD_TRY(request.version, SpecVersion::parse(text.value_or("")));
  const SpecVersion first = first_version_of(request.verb);
  if (request.version >= first) return {};
  return fail(kIncompatibleVersion,
              std::string(to_string(request.verb)) + " does not exist in cniVersion " +
                  request.version.to_string() + " of the configuration",
              "it came with " + first.to_string());
}

Result<void> decode_name(const Node& root, Request& request) {
  FAIRLEAD_TRY(auto name, root.string("name"));
  if (!name || name->empty())
    return fail(kInvalidConfig, "name: missing network name", "give the network a name");
  if (!is_identifier(*name)) {
    return fail(kInvalidConfig, "name: invalid network name " + fairlead::quoted(*name), kIdentifierRule);
  }
  request.network = *std::move(name);
  return {};
}

/// prevResult of a DEL only helps to find what is left, so one that cannot be read is no reason to leave
/// everything else behind.
Result<void> decode_prev_result(const Node& root, Request& request) {
  FAIRLEAD_TRY(const Node node, root.member("prevResult"));
  if (!node.present()) {
    if (request.verb != Verb::kCheck) return {};
    return fail(kInvalidConfig, "prevResult: missing, CHECK compares with it",
                "send the result of ADD along with the configuration");
  }
  auto result = decode_result(node, request.version, DanglingIndex::kRefuse);
  if (result) {
    request.prev_result = *std::move(result);
    return {};
  }
  if (request.verb != Verb::kDel) return Unexpected(std::move(result).error());
  request.log->warning("FL5004", "DEL goes on without prevResult: " + result.error().to_string());
  return {};
}

Result<AttachmentId> decode_attachment(const Node& node) {
  AttachmentId id;
  FAIRLEAD_TRY(id.container_id, node.required_string("containerID"));
  FAIRLEAD_TRY(id.ifname, node.required_string("ifname"));
  if (id.container_id.empty() || id.ifname.empty()) return node.invalid("containerID or ifname is empty");
  return id;
}

/// Everything that is not in the list is removed, so a list that is not there does not mean an empty one
/// (`cnitool gc` sends none). Null does: it is how Go writes a list of nothing.
Result<void> decode_valid_attachments(const Node& root, Request& request) {
  FAIRLEAD_TRY(const bool has_key, root.has_member(kValidKey));
  FAIRLEAD_TRY(const bool has_old_key, root.has_member(kOldValidKey));
  if (!has_key && !has_old_key) {
    return fail(kInvalidConfig, std::string(kValidKey) + ": missing, so nothing is known to be garbage",
                "send [] to remove every attachment of the network");
  }
  FAIRLEAD_TRY(const auto nodes, root.items(has_key ? kValidKey : kOldValidKey));
  for (const Node& node : nodes) {
    FAIRLEAD_TRY(AttachmentId id, decode_attachment(node));
    request.valid_attachments.push_back(std::move(id));
  }
  FAIRLEAD_TRY(const auto judged_at, root.integer(kJudgedKey, 0, std::numeric_limits<std::int64_t>::max()));
  if (judged_at) request.judged_at = FileTime(std::chrono::nanoseconds(*judged_at));
  return {};
}

}  // namespace

SpecVersion first_version_of(Verb verb) {
  switch (verb) {
    case Verb::kCheck:
      return SpecVersion(0, 4, 0);
    case Verb::kGc:
    case Verb::kStatus:
      return SpecVersion(1, 1, 0);
    case Verb::kAdd:
    case Verb::kDel:
    case Verb::kVersion:
      break;
  }
  return SpecVersion(0, 1, 0);
}

Result<void> decode_config(const Plugin& plugin, Request& request) {
  if (request.config_text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return fail(kDecodeFailure, "parse configuration: standard input is empty",
                "send the configuration of the network on standard input");
  }
  auto document = Document::parse(request.config_text, request.log);
  if (!document) return Unexpected(std::move(document).error().with_context("parse configuration"));
  request.config = *std::move(document);
  const Node root = request.config->root();

  FAIRLEAD_CHECK(decode_version(root, request));
  FAIRLEAD_CHECK(decode_name(root, request));
  FAIRLEAD_TRY(auto type, root.string("type"));
  request.type = std::move(type).value_or(plugin.type);
  FAIRLEAD_TRY(const Node ipam, root.member("ipam"));
  FAIRLEAD_TRY(auto ipam_type, ipam.string("type"));
  request.ipam_type = std::move(ipam_type).value_or("");
  if (request.verb == Verb::kGc) return decode_valid_attachments(root, request);
  if (request.verb == Verb::kStatus) return {};
  return decode_prev_result(root, request);
}

Result<Request> with_valid_attachments(const Request& request, std::vector<AttachmentId> valid) {
  FAIRLEAD_TRY(JsonReading config, read_json(request.config_text, Document::kMaxSize, Document::kMaxDepth));
  nlohmann::json list = nlohmann::json::array();
  for (const AttachmentId& id : valid)
    list.push_back({{"containerID", id.container_id}, {"ifname", id.ifname}});
  if (config.root.contains(kOldValidKey)) config.root[kOldValidKey] = list;
  config.root[kValidKey] = std::move(list);
  Request extended = request;
  extended.config_text = config.root.dump();
  FAIRLEAD_TRY(extended.config, Document::parse(extended.config_text));
  extended.valid_attachments = std::move(valid);
  return extended;
}

}  // namespace fairlead::cni
