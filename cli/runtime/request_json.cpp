#include <nlohmann/json.hpp>

#include "cli/runtime/json_text_json.hpp"
#include "cli/runtime/request.hpp"
#include "libnet/src/base/quote.hpp"
#include "plugins/cni/result_json.hpp"

namespace fairlead::cli {
namespace {

using nlohmann::json;

/// Keys that are between the administrator and the runtime; plugins must not see them.
void remove_runtime_keys(json& config) {
  config.erase("capabilities");
  for (auto entry = config.begin(); entry != config.end();) {
    if (entry.key().starts_with("cni.dev/") || entry.key().starts_with("fairlead.dev/")) {
      entry = config.erase(entry);
    } else {
      ++entry;
    }
  }
}

Result<json> runtime_config(const PluginConfig& plugin, const std::string& capability_args) {
  json config = json::object();
  if (capability_args.empty()) return config;
  FAIRLEAD_TRY(const json args, parse_object(capability_args));
  for (const auto& capability : plugin.capabilities) {
    if (const auto found = args.find(capability); found != args.end()) config[capability] = *found;
  }
  return config;
}

json attachments_to_json(const std::vector<cni::AttachmentId>& attachments) {
  json array = json::array();
  for (const auto& attachment : attachments) {
    array.push_back({{"containerID", attachment.container_id}, {"ifname", attachment.ifname}});
  }
  return array;
}

}  // namespace

Result<std::string> derive_config(const NetworkList& list, const PluginConfig& plugin,
                                  const Derivation& derivation) {
  FAIRLEAD_TRY(json config, parse_object(plugin.text));
  remove_runtime_keys(config);
  config["name"] = list.name;
  config["cniVersion"] = list.version.to_string();
  FAIRLEAD_TRY(json runtime, runtime_config(plugin, derivation.capability_args));
  if (!runtime.empty()) config["runtimeConfig"] = std::move(runtime);
  if (derivation.prev_result) {
    FAIRLEAD_TRY(config["prevResult"], parse_object(*derivation.prev_result));
  }
  if (derivation.valid) {
    config["cni.dev/valid-attachments"] = attachments_to_json(derivation.valid->ids);
    // The name of the key before the specification settled; libcni sends both too.
    config["cni.dev/attachments"] = config["cni.dev/valid-attachments"];
    // For Fairlead's plugins: plugins/cni/config_json.cpp.
    config["fairlead.dev/judged-at"] = derivation.valid->judged_at.time_since_epoch().count();
  }
  return to_text(config);
}

Result<void> check_capability_args(std::string_view text) {
  FAIRLEAD_TRY(const json args, parse_object(text));
  return {};
}

Result<CniArgs> parse_cni_args(std::string_view text) {
  CniArgs args;
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    const std::string_view pair = text.substr(0, end);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == pair.size()) {
      return Unexpected(Errc::kInvalid, "CNI_ARGS: " + fairlead::quoted(pair) + " is no KEY=VALUE");
    }
    args.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return args;
}

std::string to_string(const CniArgs& args) {
  std::string text;
  for (const auto& [key, value] : args) {
    if (!text.empty()) text += ';';
    text.append(key).append("=").append(value);
  }
  return text;
}

Result<std::string> result_in_version(std::string_view result, const cni::SpecVersion& version) {
  FAIRLEAD_TRY(json object, parse_object(result));
  if (!object.contains("cniVersion")) object["cniVersion"] = version.to_string();
  if (object["cniVersion"] == version.to_string()) return to_text(object);
  FAIRLEAD_TRY(const auto document, cni::Document::parse(result));
  FAIRLEAD_TRY(const auto decoded,
               cni::decode_result(document->root(), version, cni::DanglingIndex::kRefuse));
  return cni::encode_result(decoded, version);
}

std::string pretty_json(const std::string& text) {
  auto value = parse_object(text);
  return value ? to_pretty_text(*value) : text;
}

}  // namespace fairlead::cli
