// Looking at the host: which namespaces there are, and what is in them.
//
// Through the Kernel interface and not through libnl-route: what the tool shows is then what the engine
// sees, decoded by the same checked tables and with the same errors.
#pragma once

#include <string>
#include <vector>

#include "cli/observe/view.hpp"
#include "fairlead/kernel.hpp"

namespace fairlead::cli {

/// Fills links, addresses and routes of the side's namespace.
[[nodiscard]] Result<void> observe(Kernel& kernel, Side side, NamespaceView& view);

/// The host, every namespace in /run/netns, and those that attachments name; each once. With `only` not
/// empty, the named ones (paths, names, process ids, "host"). A namespace that cannot be looked at is a view
/// with a problem.
[[nodiscard]] std::vector<NamespaceView> observe_namespaces(const std::vector<AttachmentView>& attachments,
                                                            const std::vector<std::string>& only);

/// Attachments of all networks; records that cannot be read are appended to `problems`.
[[nodiscard]] Result<std::vector<AttachmentView>> recorded_attachments(const std::string& run_dir,
                                                                       std::vector<Error>& problems);

}  // namespace fairlead::cli
