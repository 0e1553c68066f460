// spdlog is header-only here and in no other translation unit: as a shared library it costs a start
// another 0.8 ms. Only its formatter is used: its file sink sleeps 50 ms over a file that it cannot open.
#define FMT_HEADER_ONLY
#define SPDLOG_HEADER_ONLY
#include "plugins/cni/log_file.hpp"

#include <fcntl.h>
// Without std::locale, which would bring 400 KB of libstdc++ into every executable.
#define FMT_STATIC_THOUSANDS_SEPARATOR ','
#include <spdlog/pattern_formatter.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "fairlead/file.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::cni {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// Renames a file past `limit`. Of several processes that find it too long one renames: the lock is on the
/// inode, and who gets it later sees another inode under the name.
void rotate(const std::string& path, std::size_t limit) {
  struct stat at_path {};
  if (::stat(path.c_str(), &at_path) != 0 || static_cast<std::size_t>(at_path.st_size) < limit) return;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid() || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return;
  struct stat locked {};
  if (::fstat(fd.get(), &locked) != 0 || ::stat(path.c_str(), &at_path) != 0) return;
  if (!S_ISREG(locked.st_mode) || locked.st_dev != at_path.st_dev || locked.st_ino != at_path.st_ino) return;
  if (static_cast<std::size_t>(locked.st_size) < limit) return;
  static_cast<void>(std::rename(path.c_str(), (path + ".1").c_str()));
}

/// O_NONBLOCK: somebody's FIFO must not hold a verb up.
UniqueFd open_to_append(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644));
}

UniqueFd open_log(const std::string& path) {
  UniqueFd file = open_to_append(path);
  if (file.valid() || errno != ENOENT) return file;
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || !make_directories(path.substr(0, slash))) return file;
  return open_to_append(path);
}

}  // namespace

struct LogFile::State {
  std::string path;
  std::size_t limit = 0;
  LogLevel lowest = LogLevel::kWarning;
  std::string context;
  bool failed = false;
  UniqueFd file;
  std::optional<spdlog::pattern_formatter> formatter;  ///< made with the first line

  void open() {
    rotate(path, limit);
    file = open_log(path);
    failed = !file.valid();
  }

  void write(LogLevel level, std::string_view id, std::string_view text) {
    if (!file.valid() && !failed) open();
    if (failed) return;
    std::string line(id);
    line.append(" ").append(context).append(": ").append(text);
    // One message is one line, whatever a configuration or a delegate put into it.
    std::ranges::replace_if(
        line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    try {
      if (!formatter) formatter.emplace("%Y-%m-%dT%H:%M:%S.%fZ %l %v", spdlog::pattern_time_type::utc);
      spdlog::memory_buf_t formatted;
      formatter->format(spdlog::details::log_msg("", level_of(level), line), formatted);
      // At once: with O_APPEND the lines of several processes do not mix.
      failed = ::write(file.get(), formatted.data(), formatted.size()) < 0;
    } catch (const std::exception&) {
      failed = true;
    }
  }
};

LogFile::LogFile(const Settings& settings) : state_(std::make_unique<State>()) {
  state_->path = settings.log_file;
  state_->limit = settings.log_max_bytes;
  state_->lowest = settings.log_level;
  state_->failed = settings.log_off || settings.log_file.empty();
}
LogFile::~LogFile() = default;

void LogFile::set_context(std::string context) { state_->context = std::move(context); }

Logger LogFile::logger() {
  if (state_->failed) return Logger();
  State* state = state_.get();
  return Logger(
      [state](LogLevel level, std::string_view id, std::string_view text) { state->write(level, id, text); },
      state->lowest);
}

}  // namespace fairlead::cni
