// Which attachments of a network a GC has to keep.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/runtime/result_cache.hpp"
#include "cli/runtime/this_host.hpp"

namespace fairlead::cli {

/// Whether the namespace that an attachment was made in is still there.
enum class Life : std::uint8_t {
  kAlive,
  kGone,
  kUnknown,  ///< to be kept: what GC removes cannot be given back to a running container
};

/// What tells an attachment from a later one of the same name.
struct AttachmentMark {
  std::uint64_t cookie = 0;             ///< of its namespace; 0: there is no record of this boot
  std::optional<FileTime> cached_at{};  ///< nothing: there is no cache entry
};

struct KnownAttachment {
  cni::AttachmentId id;
  std::string netns;  ///< path, empty if nobody remembers it
  Life life;
  std::string reason;  ///< for people: "its namespace exists"
  AttachmentMark mark{};
};

/// Those that the result cache or Fairlead's records know, each once, and whether their containers live.
/// A record of this boot has the namespace's cookie, which a path that was used again does not deceive; the
/// cache has a path at most, and none where an older libcni wrote it.
///
/// A path at which there is nothing, or another namespace, proves that one is gone only to who would see it
/// there. A tool that runs in a mount or PID namespace of its own (a container with the host's network, say)
/// has the records, the cache and the host's cookie, but neither the directories in which runtimes keep
/// namespaces nor the host's processes. So one of three has to hold; otherwise the life of the attachment is
/// unknown:
///  - the path is a process's, there is none, and every process is seen from here (that the path was written
///    down in the first PID namespace, too, is taken for granted: nothing tells);
///  - its directory is here, on the file system that holds our records, which both are in /run;
///  - no record is of this boot, and the cache entry is older than it: no namespace survives a reboot, and
///    /run is empty after one.
[[nodiscard]] Result<std::vector<KnownAttachment>> known_attachments(const std::string& network,
                                                                     const ResultCache& cache,
                                                                     const std::string& run_dir,
                                                                     const ThisHost& host);

/// One of them as it is now; nothing if neither knows it any more. One whose record cannot be read, because
/// somebody is about to write it, say, is of unknown life.
[[nodiscard]] Result<std::optional<KnownAttachment>> known_attachment(const std::string& network,
                                                                      const cni::AttachmentId& id,
                                                                      const ResultCache& cache,
                                                                      const std::string& run_dir,
                                                                      const ThisHost& host);

/// "CONTAINER_ID/IFNAME"
[[nodiscard]] Result<cni::AttachmentId> parse_attachment_id(const std::string& text);

}  // namespace fairlead::cli
