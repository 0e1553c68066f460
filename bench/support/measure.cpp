#include "bench/support/measure.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fairlead::bench {
namespace {

std::string g_launcher;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): set once by main()

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) die_errno("pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  static void close_end(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
};

long long now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::string read_all(int fd) {
  std::string text;
  char chunk[4096];
  ssize_t size = 0;
  while ((size = read(fd, chunk, sizeof chunk)) > 0) text.append(chunk, static_cast<std::size_t>(size));
  return text;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

pid_t spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment, int in,
            int out, int report) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, report, STDERR_FILENO + 1);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0].c_str(), &actions, nullptr, pointers(argv).data(),
                                pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) die("start " + argv[0] + ": " + std::strerror(error));
  return pid;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

void set_launcher(const std::string& file) {
  if (access(file.c_str(), X_OK) != 0) die_errno(file);
  g_launcher = file;
}

Sample measure(const Command& command, Count count) {
  std::vector<std::string> argv{g_launcher};
  if (count == Count::kSyscalls) argv.emplace_back("-s");
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());

  Pipe input;
  Pipe output;
  Pipe report;
  if (write(input.write_end, command.input.data(), command.input.size()) !=
      static_cast<ssize_t>(command.input.size()))
    die_errno("write the configuration");
  // The pipes' numbers are above 3 because a shell leaves 0 to 2 open and 3 may be the first of them:
  // dup2() of a descriptor on itself would leave it close-on-exec.
  const int report_fd = fcntl(report.write_end, F_DUPFD_CLOEXEC, STDERR_FILENO + 2);
  const pid_t pid = spawn(argv, command.environment, input.read_end, output.write_end, report_fd);
  close(report_fd);
  Pipe::close_end(input.read_end);
  Pipe::close_end(input.write_end);
  Pipe::close_end(output.write_end);
  Pipe::close_end(report.write_end);

  Sample sample;
  sample.output = read_all(output.read_end);
  const long long output_closed = now_ns();
  const std::string numbers = read_all(report.read_end);
  int launcher_status = 0;
  if (waitpid(pid, &launcher_status, 0) != pid) die_errno("wait for launch");

  int status = -1;
  long long start = 0;
  long long end = 0;
  if (std::sscanf(numbers.c_str(), "%d %lld %lld %lf %ld %ld", &status, &start, &end, &sample.cpu_us,
                  &sample.max_rss_kb, &sample.syscalls) != 6)
    die("launch told nothing of " + joined(command.argv));
  if (status != 0)
    die(joined(command.argv) + format(" failed (wait status %d): ", status) + sample.output + "\n" +
        joined(command.environment) + "\n" + command.input);
  // Two wake-ups race at the end of a run; only a descriptor held for milliseconds says anything.
  constexpr long long kRaceNs = 2'000'000;
  if (output_closed > end + kRaceNs && count == Count::kTime) end = output_closed;
  sample.wall_us = static_cast<double>(end - start) / 1e3;
  return sample;
}

void die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

void die_errno(const std::string& operation) { die(operation + ": " + std::strerror(errno)); }

Summary summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double quantile) {
    return values[static_cast<std::size_t>(quantile * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {.median = at(0.5), .p10 = at(0.1), .p90 = at(0.9)};
}

std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line = "|";
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string cell = i < rows[r].size() ? rows[r][i] : "";
      line += " " + cell + std::string(widths[i] - cell.size(), ' ') + " |";
    }
    std::puts(line.c_str());
    if (r != 0) continue;
    std::string rule = "|";
    for (const auto width : widths) rule += std::string(width + 2, '-') + "|";
    std::puts(rule.c_str());
  }
}

std::string own_directory() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) die_errno("readlink /proc/self/exe");
  const std::string file(path, static_cast<std::size_t>(size));
  return file.substr(0, file.rfind('/'));
}

}  // namespace fairlead::bench
