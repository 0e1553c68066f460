// Which attachments of a network a GC has to keep.
#pragma once

#include <string>
#include <vector>

#include "cli/runtime/result_cache.hpp"

namespace fairlead::cli {

struct KnownAttachment {
  cni::AttachmentId id;
  std::string netns;
  bool alive = false;  ///< its namespace exists
};

/// Those that the result cache or Fairlead's records know, each once, and whether their containers live.
[[nodiscard]] Result<std::vector<KnownAttachment>> known_attachments(const std::string& network,
                                                                     const ResultCache& cache,
                                                                     const std::string& run_dir);

/// "CONTAINER_ID/IFNAME"
[[nodiscard]] Result<cni::AttachmentId> parse_attachment_id(const std::string& text);

}  // namespace fairlead::cli
