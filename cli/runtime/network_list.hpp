// A network's configuration as a runtime sees it: a chain of plugins (*.conflist), or one plugin from a
// legacy *.conf or *.json file.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/cni/spec.hpp"

namespace fairlead::cli {

/// One plugin of the chain.
struct PluginConfig {
  std::string type;
  std::string text;                      ///< its object as JSON, without what the runtime fills in
  std::set<std::string> capabilities{};  ///< those declared true
};

struct NetworkList {
  std::string name;
  cni::SpecVersion version{0, 1, 0};  ///< the one to speak: see choose_version()
  bool disable_check = false;
  bool disable_gc = false;
  bool only_inlined_plugins = false;  ///< loadOnlyInlinedPlugins
  std::vector<PluginConfig> plugins{};
  std::string text{};  ///< the whole file, for the result cache
  std::string file{};  ///< where it was found, empty if nowhere
};

/// The highest version that we speak among `preferred` (cniVersion, may be empty) and `offered`
/// (cniVersions). Well-formed versions that we do not speak are passed over unless nothing is left.
[[nodiscard]] Result<cni::SpecVersion> choose_version(const std::string& preferred,
                                                      const std::vector<std::string>& offered);

/// From the text of a *.conflist. A list without `plugins` is complete only with the files of its
/// directory (find_network), so an empty chain is no error here.
[[nodiscard]] Result<NetworkList> parse_network_list(std::string_view text);
/// From the text of one plugin's configuration, as a chain of one.
[[nodiscard]] Result<NetworkList> parse_single_plugin(std::string_view text);
/// One plugin of `<conf dir>/<network>/*.conf`.
[[nodiscard]] Result<PluginConfig> parse_plugin(std::string_view text);

}  // namespace fairlead::cli
