// Where the library's log lines go: a sink that the executable sets.
#pragma once

#include <functional>
#include <string_view>

namespace fairlead {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Receives a level, a message id ("FL1203") that stays the same when the words change, and one line without
/// newline.
using LogSink = std::function<void(LogLevel, std::string_view id, std::string_view text)>;

/// A logger that is passed by reference to whatever may have something to say; without a sink it is
/// silent. Not thread-safe by itself: the sink has to be.
class Logger {
 public:
  Logger() = default;
  /// Lines below `lowest` are dropped here. At kDebug every rtnetlink message is traced, which costs about
  /// 2 us each, so executables pass the level that is configured.
  explicit Logger(LogSink sink, LogLevel lowest = LogLevel::kDebug)
      : sink_(std::move(sink)), lowest_(lowest) {}
  /// Whether a line of that level goes anywhere: asked before an expensive text is made.
  [[nodiscard]] bool enabled(LogLevel level) const { return sink_ && level >= lowest_; }
  void log(LogLevel level, std::string_view id, std::string_view text) const {
    if (enabled(level)) sink_(level, id, text);
  }
  void debug(std::string_view id, std::string_view text) const { log(LogLevel::kDebug, id, text); }
  void info(std::string_view id, std::string_view text) const { log(LogLevel::kInfo, id, text); }
  void warning(std::string_view id, std::string_view text) const { log(LogLevel::kWarning, id, text); }
  void error(std::string_view id, std::string_view text) const { log(LogLevel::kError, id, text); }

 private:
  LogSink sink_;
  LogLevel lowest_ = LogLevel::kDebug;
};

}  // namespace fairlead
