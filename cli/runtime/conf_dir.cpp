#include "cli/runtime/conf_dir.hpp"

#include <algorithm>
#include <filesystem>

#include "fairlead/file.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::cli {
namespace {

/// Regular files (or links to them) with one of the endings, in lexical order; none if there is no such
/// directory.
Result<std::vector<std::string>> files_ending(const std::string& directory,
                                              const std::vector<std::string>& endings) {
  std::vector<std::string> files;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) continue;
    const std::string ending = entry->path().extension().string();
    if (std::find(endings.begin(), endings.end(), ending) != endings.end()) {
      files.push_back(entry->path().string());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Unexpected(error_from_errno(error.value(), "list " + directory));
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::string> content_of(const std::string& file) {
  FAIRLEAD_TRY(auto content, read_file(file));
  if (!content) return Unexpected(error_from_errno(ENOENT, "open " + file));
  return *std::move(content);
}

/// Adds the plugins of `<directory of the list>/<network>/*.conf`.
Result<void> add_plugin_files(NetworkList& list) {
  const auto directory = std::filesystem::path(list.file).parent_path() / list.name;
  FAIRLEAD_TRY(const auto files, files_ending(directory.string(), {".conf"}));
  for (const auto& file : files) {
    FAIRLEAD_TRY(const auto content, content_of(file));
    auto plugin = parse_plugin(content);
    if (!plugin) return Unexpected(std::move(plugin).error().with_context(file));
    list.plugins.push_back(std::move(*plugin));
  }
  return {};
}

Result<void> check_name(const std::string& name) {
  // It becomes a file name in the result cache and in plugins' own directories.
  const bool good = !name.empty() && name.front() != '.' && name.find('/') == std::string::npos &&
                    name.find('\0') == std::string::npos;
  if (good) return {};
  return Unexpected(Errc::kInvalid, "name: " + fairlead::quoted(name) + " is no network name",
                    "use letters, digits, '_', '.' and '-', beginning with a letter or a digit");
}

}  // namespace

Result<NetworkList> load_network(const std::string& file) {
  FAIRLEAD_TRY(const auto content, content_of(file));
  const bool is_list = std::filesystem::path(file).extension() == ".conflist";
  auto list = is_list ? parse_network_list(content) : parse_single_plugin(content);
  if (!list) return Unexpected(std::move(list).error().with_context(file));
  list->file = file;
  if (auto named = check_name(list->name); !named) return Unexpected(Error(named.error()).with_context(file));
  if (is_list && !list->only_inlined_plugins) FAIRLEAD_CHECK(add_plugin_files(*list));
  if (list->plugins.empty()) {
    return Unexpected(Errc::kInvalid, file + ": the network has no plugins",
                      "give it a `plugins` array or *.conf files in a directory of its name");
  }
  return list;
}

Result<NetworkList> find_network(const std::string& directory, const std::string& name) {
  std::vector<Error> problems;
  std::string seen;
  for (const auto& endings : {std::vector<std::string>{".conflist"}, {".conf", ".json"}}) {
    FAIRLEAD_TRY(const auto files, files_ending(directory, endings));
    for (const auto& file : files) {
      auto list = load_network(file);
      if (list && list->name == name) return list;
      if (!list) {
        problems.push_back(std::move(list).error());
      } else {
        seen += (seen.empty() ? "" : ", ") + list->name;
      }
    }
  }
  Error error{.code = Errc::kNotFound, .what = "no network " + fairlead::quoted(name) + " in " + directory};
  error.remedy = seen.empty() ? "--conf-dir names another directory" : "networks there: " + seen;
  error.secondary = std::move(problems);
  return Unexpected(std::move(error));
}

}  // namespace fairlead::cli
