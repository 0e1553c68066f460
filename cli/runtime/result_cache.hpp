// The result cache that runtimes built on libcni share: <dir>/results/<network>-<container id>-<ifname>,
// JSON of kind "cniCacheV1". Written aside, synced and renamed: a file that a crash cut to nothing made
// DEL fail in libcni (containernetworking/cni #1055, #1149).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/runtime/request.hpp"
#include "fairlead/file_time.hpp"

namespace fairlead::cli {

struct CachedResult {
  std::string network;
  std::string container_id;
  std::string ifname;
  std::string netns{};
  CniArgs cni_args{};
  std::string capability_args{};         ///< JSON object, or empty
  std::string config{};                  ///< the network's configuration at the time of ADD
  std::string result{};                  ///< JSON object; empty if the writer kept none
  std::optional<FileTime> written_at{};  ///< by whom it was read: when the file was written
};

[[nodiscard]] std::string encode_cached(const CachedResult& cached);
/// kInvalid for anything that is no entry of that kind.
[[nodiscard]] Result<CachedResult> decode_cached(std::string_view text);

class ResultCache {
 public:
  /// `directory` is the one that holds `results/` (/var/lib/cni).
  explicit ResultCache(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] Result<void> save(const CachedResult& cached) const;
  /// The entry, or nothing; an unreadable one is an error.
  [[nodiscard]] Result<std::optional<CachedResult>> load(const std::string& network,
                                                         const std::string& container_id,
                                                         const std::string& ifname) const;
  /// A missing entry is success.
  [[nodiscard]] Result<void> remove(const std::string& network, const std::string& container_id,
                                    const std::string& ifname) const;
  /// Entries of a network in the order of their file names. Files that are no entries are passed over.
  [[nodiscard]] Result<std::vector<CachedResult>> list(const std::string& network) const;

 private:
  [[nodiscard]] std::string path(const std::string& network, const std::string& container_id,
                                 const std::string& ifname) const;
  std::string directory_;
};

}  // namespace fairlead::cli
