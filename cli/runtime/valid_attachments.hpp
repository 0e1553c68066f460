// Which attachments of a network a GC has to keep.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/runtime/result_cache.hpp"

namespace fairlead::cli {

/// Whether the namespace that an attachment was made in is still there.
enum class Life : std::uint8_t {
  kAlive,
  kGone,
  kUnknown,  ///< to be kept: what GC removes cannot be given back to a running container
};

struct KnownAttachment {
  cni::AttachmentId id;
  std::string netns;  ///< path, empty if nobody remembers it
  Life life;
  std::string reason;  ///< for people: "its namespace exists"
};

/// How this host and boot tell namespaces apart.
struct ThisHost {
  std::string boot_id;
  std::uint64_t cookie = 0;  ///< SO_NETNS_COOKIE of the host's namespace
  /// The same of the namespace at a path; kNotFound if there is nothing at the path.
  std::function<Result<std::uint64_t>(const std::string& path)> cookie_at;
  std::function<bool(const std::string& path)> has_directory;
};
[[nodiscard]] Result<ThisHost> this_host();

/// Those that the result cache or Fairlead's records know, each once, and whether their containers live.
/// A record of this boot has the namespace's cookie, which a path that was used again does not deceive; the
/// cache has a path at most, and none where an older libcni wrote it.
///
/// A path at which there is nothing proves that a namespace is gone only to who would see it there. A tool
/// that runs in a mount namespace of its own (a container with the host's network, say) has the records, the
/// cache and the host's cookie, but none of the directories in which runtimes keep namespaces. So the
/// directory has to be here, or /proc for a process: without it the life of the attachment is unknown. That
/// is a sign and no proof: neither record nor cache says which mount or process namespace the path was
/// written in.
[[nodiscard]] Result<std::vector<KnownAttachment>> known_attachments(const std::string& network,
                                                                     const ResultCache& cache,
                                                                     const std::string& run_dir,
                                                                     const ThisHost& host);

/// "CONTAINER_ID/IFNAME"
[[nodiscard]] Result<cni::AttachmentId> parse_attachment_id(const std::string& text);

}  // namespace fairlead::cli
