#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "cli/runtime/json_text_json.hpp"
#include "cli/runtime/network_list.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::cli {
namespace {

using nlohmann::json;

Unexpected invalid(const std::string& what) { return Unexpected(Errc::kInvalid, what); }

Result<std::string> string_member(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::string();
  if (!found->is_string()) return invalid(std::string(key) + ": must be a string, not " + found->type_name());
  return found->get<std::string>();
}

/// A boolean, or the words in a string, which some installers write.
Result<bool> flag_member(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return false;
  if (found->is_boolean()) return found->get<bool>();
  if (found->is_string()) {
    std::string word = found->get<std::string>();
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
    if (word == "true") return true;
    if (word == "false") return false;
  }
  return invalid(std::string(key) + ": must be true or false");
}

Result<std::vector<std::string>> offered_versions(const json& list) {
  std::vector<std::string> versions;
  const auto found = list.find("cniVersions");
  if (found == list.end()) return versions;
  if (!found->is_array()) return invalid("cniVersions: must be an array of strings");
  for (const auto& version : *found) {
    if (!version.is_string()) return invalid("cniVersions: must be an array of strings");
    versions.push_back(version.get<std::string>());
  }
  return versions;
}

Result<std::set<std::string>> capabilities_of(const json& plugin) {
  std::set<std::string> declared;
  const auto found = plugin.find("capabilities");
  if (found == plugin.end()) return declared;
  if (!found->is_object()) return invalid("capabilities: must be an object of booleans");
  for (const auto& [name, value] : found->items()) {
    if (!value.is_boolean()) return invalid("capabilities." + name + ": must be true or false");
    if (value.get<bool>()) declared.insert(name);
  }
  return declared;
}

Result<PluginConfig> plugin_from(const json& object) {
  if (!object.is_object()) return invalid("a plugin must be an object");
  FAIRLEAD_TRY(auto type, string_member(object, "type"));
  if (type.empty()) return invalid("type: missing");
  FAIRLEAD_TRY(auto capabilities, capabilities_of(object));
  return PluginConfig{
      .type = std::move(type), .text = to_text(object), .capabilities = std::move(capabilities)};
}

bool is_version_number(const std::string& text) {
  int parts = 1;
  bool digit_before = false;
  for (const char c : text) {
    if (c == '.' && digit_before) {
      ++parts;
      digit_before = false;
    } else if (c >= '0' && c <= '9') {
      digit_before = true;
    } else {
      return false;
    }
  }
  return digit_before && parts == 3;
}

}  // namespace

Result<cni::SpecVersion> choose_version(const std::string& preferred,
                                        const std::vector<std::string>& offered) {
  // Without a choice the version is an order: an unknown one is an error that names it.
  if (offered.empty()) return cni::SpecVersion::parse(preferred);
  std::vector<std::string> candidates = offered;
  if (!preferred.empty()) candidates.push_back(preferred);
  std::optional<cni::SpecVersion> best;
  for (const auto& candidate : candidates) {
    if (!is_version_number(candidate)) {
      return invalid("cniVersions: " + fairlead::quoted(candidate) + " is no version");
    }
    const auto version = cni::SpecVersion::parse(candidate);
    if (version && (!best || *best < *version)) best = *version;
  }
  if (best) return *best;
  return cni::SpecVersion::parse(candidates.front());
}

Result<PluginConfig> parse_plugin(std::string_view text) {
  FAIRLEAD_TRY(const json object, parse_object(text));
  return plugin_from(object);
}

Result<NetworkList> parse_single_plugin(std::string_view text) {
  FAIRLEAD_TRY(const json object, parse_object(text));
  FAIRLEAD_TRY(auto plugin, plugin_from(object));
  NetworkList list;
  FAIRLEAD_TRY(list.name, string_member(object, "name"));
  if (list.name.empty()) return invalid("name: missing");
  FAIRLEAD_TRY(const auto version, string_member(object, "cniVersion"));
  FAIRLEAD_TRY(list.version, choose_version(version, {}));
  list.plugins.push_back(std::move(plugin));
  // What other runtimes keep in the result cache for such a file: the list it stands for.
  list.text = to_text({{"name", list.name}, {"cniVersion", list.version.to_string()}, {"plugins", {object}}});
  return list;
}

Result<NetworkList> parse_network_list(std::string_view text) {
  FAIRLEAD_TRY(const json object, parse_object(text));
  NetworkList list;
  list.text = text;
  FAIRLEAD_TRY(list.name, string_member(object, "name"));
  if (list.name.empty()) return invalid("name: missing");
  FAIRLEAD_TRY(const auto version, string_member(object, "cniVersion"));
  FAIRLEAD_TRY(const auto offered, offered_versions(object));
  FAIRLEAD_TRY(list.version, choose_version(version, offered));
  FAIRLEAD_TRY(list.disable_check, flag_member(object, "disableCheck"));
  FAIRLEAD_TRY(list.disable_gc, flag_member(object, "disableGC"));
  FAIRLEAD_TRY(list.only_inlined_plugins, flag_member(object, "loadOnlyInlinedPlugins"));

  const auto plugins = object.find("plugins");
  if (plugins == object.end()) {
    if (list.only_inlined_plugins) return invalid("plugins: missing, and loadOnlyInlinedPlugins is true");
    return list;
  }
  if (!plugins->is_array()) return invalid("plugins: must be an array");
  if (plugins->empty()) return invalid("plugins: must not be empty");
  for (std::size_t i = 0; i < plugins->size(); ++i) {
    auto plugin = plugin_from((*plugins)[i]);
    if (!plugin) {
      return Unexpected(std::move(plugin).error().with_context("plugins[" + std::to_string(i) + "]"));
    }
    list.plugins.push_back(std::move(*plugin));
  }
  return list;
}

}  // namespace fairlead::cli
