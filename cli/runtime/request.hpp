// What goes to a plugin's standard input (the specification's "derived execution configuration").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/runtime/network_list.hpp"
#include "fairlead/file_time.hpp"

namespace fairlead::cli {

/// Which attachments a GC has to keep.
struct ValidAttachments {
  std::vector<cni::AttachmentId> ids{};
  FileTime judged_at{};  ///< read before anything was looked at: what came since is to be kept as well
};

/// What the runtime adds to a plugin's own configuration.
struct Derivation {
  std::optional<std::string> prev_result{};  ///< JSON
  std::string capability_args{};             ///< a JSON object, or empty: `runtimeConfig` is cut from it
  std::optional<ValidAttachments> valid{};   ///< GC
};

/// The plugin's configuration with `name`, `cniVersion` and the above; without `capabilities` and the
/// runtime's own keys `cni.dev/` and `fairlead.dev/`.
[[nodiscard]] Result<std::string> derive_config(const NetworkList& list, const PluginConfig& plugin,
                                                const Derivation& derivation);

/// Refuses what is no JSON object.
[[nodiscard]] Result<void> check_capability_args(std::string_view text);

/// "K=V;K=V" in order. kInvalid for an entry without '=' or with an empty side.
using CniArgs = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] Result<CniArgs> parse_cni_args(std::string_view text);
[[nodiscard]] std::string to_string(const CniArgs& args);

/// A plugin's answer to ADD in `version`: the same text if it is in that version already, with every key
/// that we do not know; otherwise converted.
[[nodiscard]] Result<std::string> result_in_version(std::string_view result, const cni::SpecVersion& version);

/// For people.
[[nodiscard]] std::string pretty_json(const std::string& text);

}  // namespace fairlead::cli
