// The CNI_* variables.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// The value of an environment variable; nullptr if it is not set.
using EnvironmentLookup = std::function<const char*(const char*)>;

inline constexpr const char* kIdentifierRule =
    "letters, digits, '_', '.' and '-' only, beginning with a letter or a digit";
/// The specification's rule for container ids and network names.
[[nodiscard]] bool is_identifier(std::string_view text);

/// The verb that CNI_COMMAND names.
[[nodiscard]] Result<Verb> parse_verb(std::string_view text);

/// Fills container_id, netns, ifname, path and args of `request`, whose verb and log are set. All that is
/// missing is reported at once. Errors of CNI_ARGS only stop ADD and CHECK: a DEL that fails would leave
/// behind what an ADD with the same CNI_ARGS made.
[[nodiscard]] Result<void> read_environment(const Plugin& plugin, const EnvironmentLookup& lookup,
                                            Request& request);

/// kInvalidNetns if CNI_NETNS is the namespace of this process, unless CNI_NETNS_OVERRIDE allows it. To be
/// called before anything is done. DEL goes on without a namespace, with a warning: a process id that the
/// host used again makes a container's path one of the host's, and the container is gone. A path that cannot
/// be looked at is for the verb to judge.
[[nodiscard]] Result<void> refuse_own_netns(Request& request, const EnvironmentLookup& lookup);

/// Every key of `request.args` is in `plugin.known_args`, or CNI_ARGS has IgnoreUnknown.
[[nodiscard]] Result<void> check_known_args(const Plugin& plugin, const Request& request);

}  // namespace fairlead::cni
