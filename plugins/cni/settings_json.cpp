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
constexpr std::int64_t kMaxDeadline = 3600;
constexpr std::int64_t kMinLogBytes = 4096;
constexpr std::int64_t kMaxLogBytes = std::int64_t{1} << 40U;

Result<void> set_level(std::string_view text, Settings& settings) {
  settings.log_off = text == "off";
  if (settings.log_off) return {};
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
  return {};
}

Result<void> read_keys(const Node& root, Settings& settings) {
  FAIRLEAD_TRY(auto log_file, root.string("logFile"));
  FAIRLEAD_TRY(const auto level, root.string("logLevel"));
  FAIRLEAD_TRY(const auto seconds, root.integer("deadlineSeconds", 1, kMaxDeadline));
  FAIRLEAD_TRY(auto run_dir, root.string("runDir"));
  FAIRLEAD_TRY(const auto bytes, root.integer("logMaxBytes", kMinLogBytes, kMaxLogBytes));
  if (log_file) settings.log_file = *std::move(log_file);
  if (level) {
    if (auto set = set_level(*level, settings); !set) {
      return Unexpected(std::move(set).error().with_context("logLevel"));
    }
  }
  if (seconds) settings.deadline = std::chrono::seconds(*seconds);
  if (run_dir) settings.run_dir = *std::move(run_dir);
  if (bytes) settings.log_max_bytes = static_cast<std::size_t>(*bytes);
  return {};
}

Result<void> read_settings_file(const std::string& path, Settings& settings) {
  FAIRLEAD_TRY(const auto text, read_file(path));
  if (!text) return {};
  auto document = Document::parse(*text);
  auto read = document ? read_keys((*document)->root(), settings)
                       : Result<void>(Unexpected(std::move(document).error()));
  if (!read) return Unexpected(std::move(read).error().with_context(path));
  return {};
}

Result<std::int64_t> number_of(const char* name, std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return fail(kInvalidConfig, std::string(name) + ": must be an integer from " + std::to_string(min) +
                                    " to " + std::to_string(max) + ", not " + fairlead::quoted(text));
  }
  return value;
}

Result<void> read_variables(Settings& settings) {
  if (const char* text = std::getenv("FAIRLEAD_LOG_FILE")) settings.log_file = text;
  if (const char* text = std::getenv("FAIRLEAD_RUN_DIR")) settings.run_dir = text;
  if (const char* text = std::getenv("FAIRLEAD_LOG_LEVEL")) {
    if (auto set = set_level(text, settings); !set) {
      return Unexpected(std::move(set).error().with_context("FAIRLEAD_LOG_LEVEL"));
    }
  }
  if (const char* text = std::getenv("FAIRLEAD_DEADLINE_SECONDS")) {
    FAIRLEAD_TRY(const auto seconds, number_of("FAIRLEAD_DEADLINE_SECONDS", text, 1, kMaxDeadline));
    settings.deadline = std::chrono::seconds(seconds);
  }
  if (const char* text = std::getenv("FAIRLEAD_LOG_MAX_BYTES")) {
    FAIRLEAD_TRY(const auto bytes, number_of("FAIRLEAD_LOG_MAX_BYTES", text, kMinLogBytes, kMaxLogBytes));
    settings.log_max_bytes = static_cast<std::size_t>(bytes);
  }
  return {};
}

}  // namespace

Result<Settings> load_settings() {
  Settings settings;
  const char* file = std::getenv("FAIRLEAD_CONF");
  FAIRLEAD_CHECK(read_settings_file(file != nullptr && *file != '\0' ? file : kDefaultFile, settings));
  FAIRLEAD_CHECK(read_variables(settings));
  return settings;
}

}  // namespace fairlead::cni
