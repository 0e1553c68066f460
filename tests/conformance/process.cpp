#include "tests/conformance/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tests/conformance/case.hpp"

namespace fairlead::conformance {
namespace {

Fd memory_file(const char* name, const std::string& text) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file.valid()) fail(std::string("memfd_create: ") + std::strerror(errno));
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(file.get(), text.data() + done, text.size() - done);
    if (n < 0) fail(std::string("write standard input: ") + std::strerror(errno));
    done += static_cast<std::size_t>(n);
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string contents(const Fd& file) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(file.get(), buffer.data(), buffer.size(), at);
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    at += n;
  }
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

/// Runs in the child; async-signal-safe calls only.
[[noreturn]] void become(const Command& command, char** argv, char** envp, int in, int out, int err) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed suite leaves no plugin running
  if (command.netns >= 0 && ::setns(command.netns, CLONE_NEWNET) != 0) ::_exit(126);
  if (in >= 0) {
    ::dup2(in, STDIN_FILENO);
  } else {
    ::close(STDIN_FILENO);
  }
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::signal(SIGPIPE, SIG_DFL);
  if (command.traced) ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::execve(argv[0], argv, envp);
  ::_exit(127);
}

}  // namespace

Process::Process(const Command& command)
    : out_(memory_file("stdout", {})), err_(memory_file("stderr", {})), deadline_() {
  Fd in;
  if (command.stdin_mode == Command::Stdin::kText) {
    in = memory_file("stdin", command.stdin_text);
  } else if (command.stdin_mode == Command::Stdin::kOpenPipe) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(std::string("pipe2: ") + std::strerror(errno));
    in = Fd(ends[0]);
    held_stdin_ = Fd(ends[1]);
  }
  auto argv_strings = command.argv;
  std::vector<std::string> env_strings;
  for (const auto& [key, value] : command.env) env_strings.push_back(key + "=" + value);
  auto argv = pointers(argv_strings);
  auto envp = pointers(env_strings);
  deadline_ = std::chrono::steady_clock::now() + command.timeout;
  pid_ = ::fork();
  if (pid_ < 0) fail(std::string("fork: ") + std::strerror(errno));
  if (pid_ == 0) become(command, argv.data(), envp.data(), in.get(), out_.get(), err_.get());
  pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)),
      held_stdin_(std::move(other.held_stdin_)),
      deadline_(other.deadline_) {}

Process::~Process() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Process::ends_within(std::chrono::microseconds time) const {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec limit{.tv_sec = whole.count(), .tv_nsec = std::chrono::nanoseconds(time - whole).count()};
  pollfd exited{pidfd_.get(), POLLIN, 0};
  return ::ppoll(&exited, 1, &limit, nullptr) > 0;
}

Output Process::wait() {
  Output output;
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
  pollfd exited{pidfd_.get(), POLLIN, 0};
  if (::poll(&exited, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0) == 0) {
    output.timed_out = true;
    ::kill(pid_, SIGKILL);
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFEXITED(status)) output.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) output.signal = WTERMSIG(status);
  output.out = contents(out_);
  output.err = contents(err_);
  return output;
}

Output Process::collect() {
  pid_ = -1;
  Output output;
  output.out = contents(out_);
  output.err = contents(err_);
  return output;
}

std::map<std::string, std::string> base_environment() {
  std::map<std::string, std::string> env{{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"LC_ALL", "C"}};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LLVM_PROFILE_FILE"}) {
    if (const char* value = std::getenv(name)) env[name] = value;
  }
  return env;
}

std::string read_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return {};
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

void write_file(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fail("write " + path + ": " + std::strerror(errno));
  }
}

}  // namespace fairlead::conformance
