#include "cli/runtime/valid_attachments.hpp"

#include <algorithm>
#include <filesystem>

#include "engine/attach/record.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::cli {
namespace {

/// All that is remembered of one attachment.
struct Traces {
  cni::AttachmentId id;
  std::vector<std::string> paths{};  ///< of its namespace
  std::uint64_t cookie = 0;          ///< of its namespace; 0: not known
  bool is_cached = false;
  std::optional<FileTime> cached_at{};
  bool has_record = false;  ///< of this boot
  bool is_of_other_host = false;
};

Traces& traces_of(std::vector<Traces>& all, const cni::AttachmentId& id) {
  const auto same = std::find_if(all.begin(), all.end(), [&](const Traces& known) { return known.id == id; });
  if (same != all.end()) return *same;
  all.push_back({.id = id});
  return all.back();
}

void add_path(Traces& traces, const std::string& path) {
  if (path.empty() || std::find(traces.paths.begin(), traces.paths.end(), path) != traces.paths.end()) return;
  traces.paths.push_back(path);
}

void add_cached(Traces& traces, const CachedResult& entry) {
  traces.is_cached = true;
  traces.cached_at = entry.written_at;
  add_path(traces, entry.netns);
}

void add_record(Traces& traces, const engine::RecordHeader& record, const ThisHost& host) {
  // The namespaces of another boot are gone, and its cookies are given anew.
  if (record.boot_id != host.boot_id) return;
  add_path(traces, record.netns_path);
  traces.has_record = true;
  traces.cookie = record.container_cookie;
  traces.is_of_other_host = record.host_cookie != host.cookie;
}

KnownAttachment verdict(const Traces& traces, std::string netns, Life life, std::string reason) {
  return {.id = traces.id,
          .netns = std::move(netns),
          .life = life,
          .reason = std::move(reason),
          .mark = {.cookie = traces.cookie, .cached_at = traces.cached_at}};
}

bool is_of_process(const std::string& path) {
  constexpr std::string_view kProc = "/proc/";
  return path.starts_with(kProc) && path.size() > kProc.size() && path[kProc.size()] >= '1' &&
         path[kProc.size()] <= '9';
}

bool is_older_than_boot(const Traces& traces, const ThisHost& host) {
  return !traces.has_record && traces.cached_at && host.booted_at && *traces.cached_at < *host.booted_at;
}

/// The namespace is not at the path, for that `reason`, or nobody knows a path.
KnownAttachment judge_missing(const Traces& traces, const std::string& path, const ThisHost& host,
                              std::string reason) {
  if (is_older_than_boot(traces, host)) {
    return verdict(traces, path, Life::kGone, "it was made before the host started");
  }
  if (path.empty()) return verdict(traces, path, Life::kUnknown, std::move(reason));
  if (is_of_process(path)) {
    if (host.sees_every_process) return verdict(traces, path, Life::kGone, std::move(reason));
    return verdict(traces, path, Life::kUnknown,
                   "its namespace was a process's, and not every process is seen from here");
  }
  const std::string directory = std::filesystem::path(path).parent_path();
  if (host.is_beside_records(directory)) return verdict(traces, path, Life::kGone, std::move(reason));
  return verdict(
      traces, path, Life::kUnknown,
      "the host's " + fairlead::quoted(directory) + ", where its namespace was, is not seen from here");
}

KnownAttachment judge_path(const Traces& traces, const std::string& path, const ThisHost& host) {
  const auto cookie = host.cookie_at(path);
  if (cookie && (traces.cookie == 0 || *cookie == traces.cookie)) {
    return verdict(traces, path, Life::kAlive, "its namespace exists");
  }
  if (cookie && is_of_process(path)) {
    // A number that was given anew, or that of another process in the PID namespace of who wrote it down.
    return verdict(traces, path, Life::kUnknown, "another process has its path");
  }
  if (cookie) return judge_missing(traces, path, host, "another namespace has its path");
  if (cookie.error().code == Errc::kNotFound) {
    return judge_missing(traces, path, host, "its namespace is gone");
  }
  // A plain file is what a bind mount looks like from another mount namespace, so it counts as unknown too.
  return verdict(traces, path, Life::kUnknown, cookie.error().what);
}

KnownAttachment judge(const Traces& traces, const ThisHost& host) {
  if (traces.is_of_other_host) {
    return verdict(traces, traces.paths.empty() ? "" : traces.paths.front(), Life::kUnknown,
                   "it was attached from another host namespace");
  }
  if (traces.paths.empty()) {
    if (traces.is_cached) return judge_missing(traces, "", host, "nobody remembers its namespace");
    return verdict(traces, "", Life::kGone, "it was made before the host started");
  }
  KnownAttachment result = judge_path(traces, traces.paths.front(), host);
  for (std::size_t i = 1; i < traces.paths.size() && result.life != Life::kAlive; ++i) {
    KnownAttachment other = judge_path(traces, traces.paths[i], host);
    if (other.life != Life::kGone) result = std::move(other);
  }
  return result;
}

}  // namespace

Result<std::vector<KnownAttachment>> known_attachments(const std::string& network, const ResultCache& cache,
                                                       const std::string& run_dir, const ThisHost& host) {
  std::vector<Traces> all;
  FAIRLEAD_TRY(const auto cached, cache.list(network));
  for (const auto& entry : cached) {
    add_cached(traces_of(all, {.container_id = entry.container_id, .ifname = entry.ifname}), entry);
  }
  // A record that cannot be read is for the plugin's own GC to judge.
  std::vector<engine::RecordStore::Unreadable> unreadable;
  FAIRLEAD_TRY(const auto records, engine::RecordStore(run_dir).list(network, &unreadable));
  for (const engine::Record& record : records) {
    const engine::RecordHeader& header = record.header;
    add_record(traces_of(all, {.container_id = header.container_id, .ifname = header.ifname}), header, host);
  }

  std::vector<KnownAttachment> known;
  known.reserve(all.size());
  for (const auto& traces : all) known.push_back(judge(traces, host));
  return known;
}

Result<std::optional<KnownAttachment>> known_attachment(const std::string& network,
                                                        const cni::AttachmentId& id, const ResultCache& cache,
                                                        const std::string& run_dir, const ThisHost& host) {
  Traces traces{.id = id};
  FAIRLEAD_TRY(const auto cached, cache.load(network, id.container_id, id.ifname));
  if (cached) add_cached(traces, *cached);
  // Under a name that we would refuse there can be no record.
  const auto identity = LinkName::parse(id.ifname).and_then(
      [&](const LinkName& ifname) { return engine::Identity::make(network, id.container_id, ifname); });
  auto record = identity ? engine::RecordStore(run_dir).look(*identity)
                         : Result<std::optional<engine::Record>>(std::nullopt);
  if (!record) return std::optional(verdict(traces, "", Life::kUnknown, record.error().what));
  if (*record) add_record(traces, (*record)->header, host);
  if (!cached && !*record) return std::optional<KnownAttachment>();
  return std::optional(judge(traces, host));
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
