#include "cli/runtime/result_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "fairlead/file.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::cli {
namespace {

Result<void> write_synced(const std::string& path, std::string_view content) {
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Unexpected(error_from_errno(errno, "create " + path));
  while (!content.empty()) {
    const ssize_t written = write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Unexpected(error_from_errno(errno, "write " + path));
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file.get()) != 0) return Unexpected(error_from_errno(errno, "sync " + path));
  return file.close();
}

/// The entry in a file, or nothing. Its time is read last: one that was replaced in between is young.
Result<std::optional<CachedResult>> read_entry(const std::string& file) {
  FAIRLEAD_TRY(const auto content, read_file(file));
  if (!content) return std::optional<CachedResult>();
  auto cached = decode_cached(*content);
  if (!cached) return Unexpected(std::move(cached).error().with_context("cached result " + file));
  if (const auto written = written_at(file)) cached->written_at = *written;
  return std::optional<CachedResult>(std::move(*cached));
}

}  // namespace

std::string ResultCache::path(const std::string& network, const std::string& container_id,
                              const std::string& ifname) const {
  return directory_ + "/results/" + network + "-" + container_id + "-" + ifname;
}

Result<void> ResultCache::save(const CachedResult& cached) const {
  FAIRLEAD_CHECK(make_directories(directory_));
  const std::string results = directory_ + "/results";
  if (mkdir(results.c_str(), 0700) != 0 && errno != EEXIST) {
    return Unexpected(error_from_errno(errno, "create " + results));
  }
  const std::string target = path(cached.network, cached.container_id, cached.ifname);
  // The name of another process's unfinished write is another one: entries are not locked.
  const std::string draft = results + "/." + std::to_string(getpid()) + ".tmp";
  if (auto written = write_synced(draft, encode_cached(cached)); !written) {
    unlink(draft.c_str());
    return written;
  }
  if (rename(draft.c_str(), target.c_str()) != 0) {
    const int reason = errno;
    unlink(draft.c_str());
    return Unexpected(error_from_errno(reason, "rename " + draft + " to " + target));
  }
  return {};
}

Result<std::optional<CachedResult>> ResultCache::load(const std::string& network,
                                                      const std::string& container_id,
                                                      const std::string& ifname) const {
  return read_entry(path(network, container_id, ifname));
}

Result<void> ResultCache::remove(const std::string& network, const std::string& container_id,
                                 const std::string& ifname) const {
  auto removed = remove_file(path(network, container_id, ifname));
  if (!removed && removed.error().code != Errc::kNotFound) return removed;
  return {};
}

Result<std::vector<CachedResult>> ResultCache::list(const std::string& network) const {
  std::vector<std::string> files;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(directory_ + "/results", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    // The draft of a writer that was killed looks like an entry, but its ADD was never answered.
    if (entry->path().filename().string().starts_with('.')) continue;
    files.push_back(entry->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Unexpected(error_from_errno(error.value(), "list " + directory_ + "/results"));
  }
  std::sort(files.begin(), files.end());

  std::vector<CachedResult> entries;
  for (const auto& file : files) {
    auto cached = read_entry(file);
    if (!cached || !*cached || (*cached)->network != network || (*cached)->ifname.empty()) continue;
    entries.push_back(**std::move(cached));
  }
  return entries;
}

}  // namespace fairlead::cli
