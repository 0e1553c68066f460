#include <nlohmann/json.hpp>

#include "cli/runtime/base64.hpp"
#include "cli/runtime/json_text_json.hpp"
#include "cli/runtime/result_cache.hpp"

namespace fairlead::cli {
namespace {

using nlohmann::json;

constexpr char kKind[] = "cniCacheV1";

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string object_text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? to_text(*found) : std::string();
}

CniArgs args_of(const json& object) {
  CniArgs args;
  const auto found = object.find("cniArgs");
  if (found == object.end() || !found->is_array()) return args;
  for (const auto& pair : *found) {
    if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string()) {
      args.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
    }
  }
  return args;
}

}  // namespace

std::string encode_cached(const CachedResult& cached) {
  json object{{"kind", kKind},
              {"containerId", cached.container_id},
              {"config", base64_encode(cached.config)},
              {"ifName", cached.ifname},
              {"networkName", cached.network}};
  if (!cached.netns.empty()) object["netns"] = cached.netns;
  if (!cached.cni_args.empty()) {
    object["cniArgs"] = json::array();
    for (const auto& [key, value] : cached.cni_args) object["cniArgs"].push_back(json::array({key, value}));
  }
  if (auto args = parse_object(cached.capability_args); args && !args->empty()) {
    object["capabilityArgs"] = std::move(*args);
  }
  if (auto result = parse_object(cached.result)) object["result"] = std::move(*result);
  return to_text(object);
}

Result<CachedResult> decode_cached(std::string_view text) {
  FAIRLEAD_TRY(const json object, parse_object(text));
  if (text_of(object, "kind") != kKind) {
    return Unexpected(Errc::kInvalid, std::string("its kind is not ") + kKind);
  }
  FAIRLEAD_TRY(auto config, base64_decode(text_of(object, "config")));
  return CachedResult{.network = text_of(object, "networkName"),
                      .container_id = text_of(object, "containerId"),
                      .ifname = text_of(object, "ifName"),
                      .netns = text_of(object, "netns"),
                      .cni_args = args_of(object),
                      .capability_args = object_text_of(object, "capabilityArgs"),
                      .config = std::move(config),
                      .result = object_text_of(object, "result")};
}

}  // namespace fairlead::cli
