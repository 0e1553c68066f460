// A foreign plugin may hang, crash, answer garbage, answer without end, leave a child behind that holds its
// standard output, or be in the middle of being replaced. None of that may take the caller with it.
#include "plugins/cni/exec_delegate.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "fairlead/unique_fd.hpp"
#include "libnet/src/base/quote.hpp"
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/result_json.hpp"
#include "plugins/cni/standard_streams.hpp"

namespace fairlead::cni {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxOutput = std::size_t{8} << 20U;
constexpr milliseconds kTimeToUndo{5'000};       ///< for the DEL within an ADD that used its time up
constexpr milliseconds kTimeToDie{1'000};        ///< after SIGKILL
constexpr milliseconds kTimeToBeWritten{5'000};  ///< for an executable that is being replaced

int poll_timeout(const Deadline& deadline) {
  return static_cast<int>(std::min<std::int64_t>(deadline.left().count(), INT_MAX));
}

/// A file rather than a pipe: nothing has to be written while the plugin runs, whether it reads or not.
Result<UniqueFd> standard_input_of(const std::string& text) {
  UniqueFd fd(::memfd_create("cni-config", MFD_CLOEXEC));
  if (!fd.valid()) return Unexpected(error_from_errno(errno, "create the delegate's standard input"));
  FAIRLEAD_CHECK(write_whole(fd.get(), text, "the delegate's standard input"));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) {
    return Unexpected(error_from_errno(errno, "rewind the delegate's standard input"));
  }
  return fd;
}

/// This process's environment with some variables replaced.
class Environment {
 public:
  explicit Environment(const std::vector<std::pair<std::string, std::string>>& variables) {
    for (const auto& [name, value] : variables) own_.emplace_back(name).append("=").append(value);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view inherited(*entry);
      const auto replaces = [&](const auto& variable) {
        return inherited.starts_with(variable.first) &&
               inherited.substr(variable.first.size()).starts_with('=');
      };
      if (std::ranges::none_of(variables, replaces)) entries_.push_back(*entry);
    }
    for (std::string& entry : own_) entries_.push_back(entry.data());
    entries_.push_back(nullptr);
  }
  [[nodiscard]] char* const* get() const { return entries_.data(); }

 private:
  std::vector<std::string> own_;
  std::vector<char*> entries_;
};

/// The file actions and attributes of posix_spawn(3).
class SpawnSettings {
 public:
  SpawnSettings(int input, int output, int inherited) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    // Onto itself: that takes the close-on-exec flag away (POSIX.1-2024, glibc 2.29).
    if (inherited >= 0) ::posix_spawn_file_actions_adddup2(&actions_, inherited, inherited);
    ::posix_spawnattr_init(&attributes_);
    // Own process group: SIGKILL at the deadline takes the plugin's children along. We ignore SIGPIPE,
    // and an ignored signal stays ignored over execve.
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  /// An errno.
  int spawn(const std::string& file, const Environment& environment, pid_t& pid) const {
    std::string argument = file;
    char* const arguments[] = {argument.data(), nullptr};
    return ::posix_spawn(&pid, file.c_str(), &actions_, &attributes_, arguments, environment.get());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// ETXTBSY: somebody has the file open for writing, e.g. an installer that copies it in place. The watch
/// is set before the next try, so a close between the two is not missed.
int spawn_when_written(const SpawnSettings& settings, const std::string& file, const Environment& environment,
                       const Deadline& deadline, pid_t& pid) {
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch.valid() || ::inotify_add_watch(watch.get(), file.c_str(), IN_CLOSE_WRITE) < 0) return ETXTBSY;
  const Deadline patience = Deadline::after(std::min(deadline.left(), kTimeToBeWritten));
  while (true) {
    const int fault = settings.spawn(file, environment, pid);
    if (fault != ETXTBSY || patience.expired()) return fault;
    pollfd event{.fd = watch.get(), .events = POLLIN, .revents = 0};
    if (::poll(&event, 1, poll_timeout(patience)) > 0) {
      std::array<char, 4096> events{};
      static_cast<void>(::read(watch.get(), events.data(), events.size()));
    }
  }
}

/// A running plugin. If it is not waited for, the destructor kills it.
class Child {
 public:
  Child(pid_t pid, UniqueFd output) : pid_(pid), output_(std::move(output)) {
    pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    kill();
    output_.reset();
    static_cast<void>(wait_for_exit(Deadline::after(kTimeToDie)));
    ::waitpid(pid_, nullptr, WNOHANG);
  }

  /// Reads until the plugin exits. A child of its own that keeps standard output open is not waited for.
  Result<ProcessOutcome> wait(const Deadline& deadline) {
    if (!pidfd_.valid()) return Unexpected(error_from_errno(errno, "pidfd_open"));
    FAIRLEAD_CHECK(wait_for_exit(deadline));
    while (output_.valid()) {
      FAIRLEAD_TRY(const bool more, read_some());
      if (!more) break;
    }
    ProcessOutcome outcome{.output = std::move(text_)};
    while (::waitpid(pid_, &outcome.wait_status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return outcome;
  }

 private:
  void kill() const { ::kill(-pid_, SIGKILL); }

  Result<void> wait_for_exit(const Deadline& deadline) {
    while (true) {
      std::array<pollfd, 2> events{pollfd{.fd = pidfd_.get(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = output_.get(), .events = POLLIN, .revents = 0}};
      const int count = ::poll(events.data(), events.size(), poll_timeout(deadline));
      if (count < 0 && errno != EINTR) return Unexpected(error_from_errno(errno, "poll"));
      if (count > 0 && events[0].revents != 0) return {};
      if (deadline.expired()) return Unexpected(Errc::kTimeout, "killed, since the deadline passed");
      if (count > 0 && events[1].revents != 0) FAIRLEAD_CHECK(read_some());
    }
  }

  /// Whether there may be more at once; closes the pipe at its end.
  Result<bool> read_some() {
    std::array<char, 16384> buffer{};
    const ssize_t count = ::read(output_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return true;
    if (count < 0 && errno == EAGAIN) return false;
    if (count < 0) return Unexpected(error_from_errno(errno, "read its standard output"));
    if (count == 0) {
      output_.reset();
      return false;
    }
    text_.append(buffer.data(), static_cast<std::size_t>(count));
    if (text_.size() <= kMaxOutput) return true;
    return fail(kDelegateFailed, "killed, since it wrote more than " + std::to_string(kMaxOutput) + " bytes");
  }

  pid_t pid_;
  UniqueFd output_;
  UniqueFd pidfd_;
  std::string text_;
};

std::string first_line(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  text = text.substr(0, text.find('\n'));
  return fairlead::quoted(text.substr(0, kLongest)) + (text.size() > kLongest ? " ..." : "");
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return std::string("killed by SIG") + (name != nullptr ? name : std::to_string(WTERMSIG(status)));
  }
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

/// What a failed plugin says about itself. Codes from 100 are every plugin's own: in our answer they would
/// be read as ours.
Error failure_of(const ProcessOutcome& outcome) {
  const auto error = decode_error(outcome.output);
  if (!error) {
    const std::string output = outcome.output.empty() ? "nothing" : first_line(outcome.output);
    return fail(kDelegateFailed, describe_exit(outcome.wait_status) + ", standard output held " + output +
                                     " instead of an error object")
        .take();
  }
  constexpr int kFirstOwnCode = 100;
  const bool is_common = error->code < kFirstOwnCode;
  std::string text = error->msg.empty() ? "error " + std::to_string(error->code) : error->msg;
  if (!is_common) text += " (its error " + std::to_string(error->code) + ")";
  return Error{.code = Errc::kInternal,
               .what = std::move(text),
               .remedy = error->details,
               .protocol_code = is_common ? error->code : kDelegateFailed};
}

/// A DEL within an ADD takes something back, which has to be complete however late it is.
Deadline deadline_of(Verb verb, const Request& request) {
  const bool is_undo = verb == Verb::kDel && request.verb == Verb::kAdd;
  return is_undo && request.deadline.left() < kTimeToUndo ? Deadline::after(kTimeToUndo) : request.deadline;
}

/// The plugin's standard output if it succeeded.
Result<std::string> run_verb(const ForeignPlugin& plugin, Verb verb, const Request& request,
                             int lock_fd = -1) {
  const auto named = [&](Error error) {
    return Unexpected(std::move(error).with_context("plugin " + plugin.type + ' ' + to_string(verb)));
  };
  auto outcome = exec_process({.file = plugin.file,
                               .variables = {{"CNI_COMMAND", to_string(verb)}},
                               .input = request.config_text,
                               .inherited = lock_fd,
                               .deadline = deadline_of(verb, request)});
  if (!outcome) return named(std::move(outcome).error());
  if (outcome->wait_status != 0) return named(failure_of(*outcome));
  return std::move(outcome->output);
}

Result<AddResult> decode_output(const ForeignPlugin& plugin, const std::string& output,
                                const Request& request) {
  auto document = Document::parse(output);
  auto result = document ? decode_result((*document)->root(), request.version, DanglingIndex::kDrop)
                         : Result<AddResult>(Unexpected(std::move(document).error()));
  if (result) return result;
  return fail(kDelegateFailed, "plugin " + plugin.type + " ADD: its answer " + first_line(output) +
                                   " is no result: " + result.error().what);
}

}  // namespace

Result<ProcessOutcome> exec_process(const ProcessCall& call) {
  FAIRLEAD_TRY(const UniqueFd standard_input, standard_input_of(call.input));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Unexpected(error_from_errno(errno, "create a pipe"));
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  if (::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) {
    return Unexpected(error_from_errno(errno, "make the pipe non-blocking"));
  }
  const SpawnSettings settings(standard_input.get(), write_end.get(), call.inherited);
  const Environment environment(call.variables);
  pid_t pid = -1;
  int fault = settings.spawn(call.file, environment, pid);
  if (fault == ETXTBSY) fault = spawn_when_written(settings, call.file, environment, call.deadline, pid);
  if (fault != 0) return Unexpected(error_from_errno(fault, "execute " + call.file));
  write_end.reset();
  return Child(pid, std::move(read_end)).wait(call.deadline);
}

Result<AddResult> exec_add(const ForeignPlugin& plugin, const Request& request, int lock_fd) {
  auto output = run_verb(plugin, Verb::kAdd, request, lock_fd);
  auto result = output ? decode_output(plugin, *output, request)
                       : Result<AddResult>(Unexpected(std::move(output).error()));
  if (result) return result;
  Error error = std::move(result).error();
  if (auto undone = exec_call(plugin, Verb::kDel, request); !undone) {
    error.secondary.push_back(std::move(undone).error());
  }
  return Unexpected(std::move(error));
}

Result<void> exec_call(const ForeignPlugin& plugin, Verb verb, const Request& request) {
  auto output = run_verb(plugin, verb, request);
  if (!output) return Unexpected(std::move(output).error());
  return {};
}

}  // namespace fairlead::cni
