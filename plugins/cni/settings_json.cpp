#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "fairlead/file.hpp"
#include "libnet/src/base/quote.hpp"
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/settings.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {
namespace {

constexpr const char* kDefaultFile = "/etc/fairlead/fairlead.conf";
constexpr std::array<const char*, 5> kKeys{"logFile", "logLevel", "deadlineSeconds", "runDir", "logMaxBytes"};
constexpr std::chrono::milliseconds kDeadline{25'000};
constexpr std::chrono::milliseconds kDeadlineWithDhcp{70'000};
constexpr std::int64_t kMaxDeadline = 3600;
constexpr std::int64_t kMinLogBytes = 4096;
constexpr std::int64_t kMaxLogBytes = std::int64_t{1} << 40U;

Result<void> set_level(std::string_view text, Settings& settings) {
  if (text == "off") {
    settings.log_off = true;
    return {};
  }
  if (text == "debug") {
    settings.log_level = LogLevel::kDebug;
  } else if (text == "info") {
    settings.log_level = LogLevel::kInfo;
  } else if (text == "warning") {
    settings.log_level = LogLevel::kWarning;
  } else if (text == "error") {
    settings.log_level = LogLevel::kError;
  } else {
    return fail(kInvalidConfig, "must be debug, info, warning, error or off, not " + fairlead::quoted(text));
  }
  settings.log_off = false;
  return {};
}

/// The file is ours alone, so a key that nobody reads, or in other case, is a mistake and not an extension.
Result<void> check_keys(const Node& root) {
  std::string known;
  for (const char* key : kKeys) known += (known.empty() ? "" : ", ") + std::string(key);
  FAIRLEAD_TRY(const auto members, root.members());
  for (const auto& [name, node] : members) {
    if (std::ranges::find(kKeys, name) != kKeys.end()) continue;
    return fail(kInvalidConfig, fairlead::quoted(name) + ": no such key", "the keys are " + known);
  }
  return {};
}

Result<void> read_log_level(const Node& root, Settings& settings) {
  FAIRLEAD_TRY(const auto level, root.string("logLevel"));
  if (!level) return {};
  if (auto set = set_level(*level, settings); !set) {
    return Unexpected(std::move(set).error().with_context("logLevel"));
  }
  return {};
}

Result<void> read_names(const Node& root, Settings& settings) {
  FAIRLEAD_TRY(auto run_dir, root.string("runDir"));
  if (run_dir) settings.run_dir = *std::move(run_dir);
  FAIRLEAD_TRY(auto log_file, root.string("logFile"));
  if (log_file) settings.log_file = *std::move(log_file);
  return {};
}

Result<void> read_numbers(const Node& root, Settings& settings) {
  FAIRLEAD_TRY(const auto seconds, root.integer("deadlineSeconds", 1, kMaxDeadline));
  if (seconds) settings.deadline = std::chrono::seconds(*seconds);
  FAIRLEAD_TRY(const auto bytes, root.integer("logMaxBytes", kMinLogBytes, kMaxLogBytes));
  if (bytes) settings.log_max_bytes = static_cast<std::size_t>(*bytes);
  return {};
}

void note(std::vector<Error>& problems, Result<void> done, const std::string& context) {
  if (!done) problems.push_back(std::move(done).error().with_context(context));
}

void read_settings_file(const std::string& path, LoadedSettings& loaded) {
  const auto text = read_file(path);
  if (!text) return loaded.problems.push_back(text.error());
  if (!*text) return;
  const auto document = Document::parse(**text);
  if (!document) return loaded.problems.push_back(Error(document.error()).with_context(path));
  const Node root = (*document)->root();
  note(loaded.problems, check_keys(root), path);
  note(loaded.problems, read_names(root, loaded.settings), path);
  note(loaded.problems, read_log_level(root, loaded.settings), path);
  note(loaded.problems, read_numbers(root, loaded.settings), path);
}

/// nullptr if it is not set or empty.
const char* variable(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

Result<std::int64_t> number_of(std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return fail(kInvalidConfig, "must be an integer from " + std::to_string(min) + " to " +
                                    std::to_string(max) + ", not " + fairlead::quoted(text));
  }
  return value;
}

Result<void> read_level_variable(Settings& settings) {
  const char* text = variable("FAIRLEAD_LOG_LEVEL");
  if (text == nullptr) return {};
  return set_level(text, settings);
}

Result<void> read_deadline_variable(Settings& settings) {
  const char* text = variable("FAIRLEAD_DEADLINE_SECONDS");
  if (text == nullptr) return {};
  FAIRLEAD_TRY(const auto seconds, number_of(text, 1, kMaxDeadline));
  settings.deadline = std::chrono::seconds(seconds);
  return {};
}

Result<void> read_size_variable(Settings& settings) {
  const char* text = variable("FAIRLEAD_LOG_MAX_BYTES");
  if (text == nullptr) return {};
  FAIRLEAD_TRY(const auto bytes, number_of(text, kMinLogBytes, kMaxLogBytes));
  settings.log_max_bytes = static_cast<std::size_t>(bytes);
  return {};
}

void read_variables(LoadedSettings& loaded) {
  Settings& settings = loaded.settings;
  if (const char* text = std::getenv("FAIRLEAD_LOG_FILE")) settings.log_file = text;
  if (const char* text = variable("FAIRLEAD_RUN_DIR")) settings.run_dir = text;
  note(loaded.problems, read_level_variable(settings), "FAIRLEAD_LOG_LEVEL");
  note(loaded.problems, read_deadline_variable(settings), "FAIRLEAD_DEADLINE_SECONDS");
  note(loaded.problems, read_size_variable(settings), "FAIRLEAD_LOG_MAX_BYTES");
}

}  // namespace

std::chrono::milliseconds deadline_of(const Settings& settings, std::string_view ipam_type) {
  return settings.deadline.value_or(ipam_type == "dhcp" ? kDeadlineWithDhcp : kDeadline);
}

LoadedSettings load_settings_past_errors() {
  LoadedSettings loaded;
  const char* file = variable("FAIRLEAD_CONF");
  read_settings_file(file != nullptr ? file : kDefaultFile, loaded);
  read_variables(loaded);
  return loaded;
}

Result<Settings> load_settings() {
  LoadedSettings loaded = load_settings_past_errors();
  if (!loaded.problems.empty()) return Unexpected(join_errors(std::move(loaded.problems)));
  return std::move(loaded.settings);
}

}  // namespace fairlead::cni
