#include "cli/observe/observe.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "cli/runtime/container_id.hpp"
#include "fairlead/netns.hpp"

namespace fairlead::cli {
namespace {

constexpr char kHostName[] = "host";
constexpr char kHostPath[] = "/proc/self/ns/net";

/// Two paths with the same device and inode are one namespace.
using FileId = std::pair<dev_t, ino_t>;

std::optional<FileId> file_id(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId(status.st_dev, status.st_ino);
}

/// Collects namespaces in the order in which they are named, each once.
class NamespaceList {
 public:
  NamespaceView& add(const std::string& name, const std::string& path) {
    if (const auto id = file_id(path)) {
      const auto [position, is_new] = known_.try_emplace(*id, views_.size());
      if (!is_new) return views_[position->second];
    } else if (const auto same = std::find_if(views_.begin(), views_.end(),
                                              [&](const NamespaceView& view) { return view.path == path; });
               same != views_.end()) {
      return *same;
    }
    views_.push_back({.name = name, .path = path});
    return views_.back();
  }

  [[nodiscard]] std::vector<NamespaceView>& views() { return views_; }

 private:
  std::vector<NamespaceView> views_;
  std::map<FileId, std::size_t> known_;
};

std::string name_of_path(const std::string& path) {
  constexpr std::string_view kNamed = "/run/netns/";
  return path.starts_with(kNamed) ? path.substr(kNamed.size()) : path;
}

void add_named_namespaces(NamespaceList& list) {
  std::vector<std::string> paths;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator("/run/netns", error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    paths.push_back(entry->path().string());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) list.add(name_of_path(path), path);
}

void add_chosen_namespaces(NamespaceList& list, const std::vector<std::string>& only) {
  for (const auto& argument : only) {
    const std::string path = argument == kHostName ? kHostPath : netns_path(argument);
    list.add(argument == kHostName ? argument : name_of_path(path), path);
  }
}

Result<void> look_into(NamespaceView& view) {
  FAIRLEAD_TRY(const auto netns, Netns::open(view.path));
  FAIRLEAD_TRY(const auto kernel, open_kernel(&netns, Logger()));
  return observe(*kernel, Side::kContainer, view);
}

}  // namespace

Result<void> observe(Kernel& kernel, Side side, NamespaceView& view) {
  FAIRLEAD_TRY(auto links, kernel.links(side));
  std::sort(links.begin(), links.end(),
            [](const LinkState& a, const LinkState& b) { return a.index < b.index; });
  for (auto& link : links) {
    const auto addresses = kernel.addresses(side, link.index);
    // Gone since it was listed, as links of a busy host are.
    if (!addresses && addresses.error().code == Errc::kNotFound) continue;
    if (!addresses) return Unexpected(Error(addresses.error()));
    view.addresses.insert(view.addresses.end(), addresses->begin(), addresses->end());
    view.links.push_back(std::move(link));
  }
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    FAIRLEAD_TRY(const auto routes, kernel.routes(side, {.family = family, .all_tables = true}));
    view.routes.insert(view.routes.end(), routes.begin(), routes.end());
  }
  return {};
}

std::vector<NamespaceView> observe_namespaces(const std::vector<AttachmentView>& attachments,
                                              const std::vector<std::string>& only) {
  NamespaceList list;
  add_chosen_namespaces(list, only);
  const std::size_t chosen = list.views().size();
  if (only.empty()) {
    list.add(kHostName, kHostPath);
    add_named_namespaces(list);
  }
  for (const auto& attachment : attachments) {
    if (attachment.netns_path.empty()) continue;
    list.add(name_of_path(attachment.netns_path), attachment.netns_path).attachments.push_back(attachment);
  }
  std::vector<NamespaceView> views = std::move(list.views());
  if (!only.empty()) views.resize(chosen);
  for (auto& view : views) {
    if (auto seen = look_into(view); !seen) view.problem = seen.error();
  }
  return views;
}

}  // namespace fairlead::cli
