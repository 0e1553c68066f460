#include "cli/runtime/valid_attachments.hpp"

#include <algorithm>

#include "cli/observe/observe.hpp"
#include "fairlead/netns.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::cli {
namespace {

void add_once(std::vector<KnownAttachment>& all, cni::AttachmentId id, const std::string& netns) {
  const auto same = [&](const KnownAttachment& known) { return known.id == id; };
  if (std::any_of(all.begin(), all.end(), same)) return;
  const bool alive = !netns.empty() && Netns::open(netns).has_value();
  all.push_back({.id = std::move(id), .netns = netns, .alive = alive});
}

}  // namespace

Result<std::vector<KnownAttachment>> known_attachments(const std::string& network, const ResultCache& cache,
                                                       const std::string& run_dir) {
  std::vector<KnownAttachment> all;
  FAIRLEAD_TRY(const auto cached, cache.list(network));
  for (const auto& entry : cached) {
    add_once(all, {.container_id = entry.container_id, .ifname = entry.ifname}, entry.netns);
  }
  // A record that cannot be read is for the plugin's own GC to judge.
  std::vector<Error> unreadable;
  FAIRLEAD_TRY(const auto recorded, recorded_attachments(run_dir, unreadable));
  for (const auto& view : recorded) {
    if (view.network == network) {
      add_once(all, {.container_id = view.container_id, .ifname = view.ifname}, view.netns_path);
    }
  }
  return all;
}

Result<cni::AttachmentId> parse_attachment_id(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size() ||
      text.find('/', slash + 1) != std::string::npos) {
    return Unexpected(Errc::kInvalid, fairlead::quoted(text) + " is no CONTAINER_ID/IFNAME");
  }
  return cni::AttachmentId{.container_id = text.substr(0, slash), .ifname = text.substr(slash + 1)};
}

}  // namespace fairlead::cli
