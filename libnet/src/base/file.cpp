#include "fairlead/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "fairlead/unique_fd.hpp"

namespace fairlead {
namespace {

Unexpected io_failure(const char* operation, const std::string& path) {
  return Unexpected(error_from_errno(errno, std::string(operation) + " " + path));
}

Result<void> write_all(int fd, std::string_view content, off_t offset, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = pwrite(fd, content.data(), content.size(), offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return io_failure("write", path);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
    offset += written;
  }
  return {};
}

// The directory is there in all but the first call on a host, so it is made only after an ENOENT.
Result<UniqueFd> create_file(const std::string& path, int how, mode_t mode) {
  const int flags = how | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  int fd = open(path.c_str(), flags, mode);
  if (fd < 0 && errno == ENOENT) {
    FAIRLEAD_CHECK(make_directories(path.substr(0, path.rfind('/'))));
    fd = open(path.c_str(), flags, mode);
  }
  if (fd < 0) return io_failure("create", path);
  return UniqueFd(fd);
}

Result<void> close_written(UniqueFd& fd, const std::string& path) {
  if (Result<void> closed = fd.close(); !closed) {
    return Unexpected(std::move(closed).error().with_context("close " + path));
  }
  return {};
}

Result<void> fill(const std::string& path, std::string_view content, mode_t mode) {
  FAIRLEAD_TRY(UniqueFd fd, create_file(path, O_WRONLY | O_TRUNC, mode));
  FAIRLEAD_CHECK(write_all(fd.get(), content, 0, path));
  return close_written(fd, path);
}

/// Where the last complete line ends, behind its newline. Nearly always that is the end of the file.
Result<off_t> end_of_lines(int fd, const std::string& path) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return io_failure("stat", path);
  for (off_t end = status.st_size; end > 0; --end) {
    char last = 0;
    if (pread(fd, &last, 1, end - 1) != 1) return io_failure("read", path);
    if (last == '\n') return end;
  }
  return off_t{0};
}

constexpr off_t kLongestJournal = 64 * 1024;

}  // namespace

Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return io_failure("open", path);
  }
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0) {
      if (errno == EINTR) continue;
      return io_failure("read", path);
    }
    if (got == 0) return std::optional(std::move(content));
    if (content.size() + static_cast<std::size_t>(got) > limit) {
      return Unexpected(Errc::kInvalid,
                        "read " + path + ": it is larger than " + std::to_string(limit) + " bytes");
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> replace_file(const std::string& path, std::string_view content, mode_t mode) {
  const std::string aside = path + ".tmp";
  Result<void> written = fill(aside, content, mode);
  if (written && rename(aside.c_str(), path.c_str()) != 0) written = io_failure("rename to", path);
  if (!written) unlink(aside.c_str());
  return written;
}

Result<void> append_line(const std::string& path, std::string_view line, mode_t mode) {
  FAIRLEAD_TRY(UniqueFd fd, create_file(path, O_RDWR, mode));
  FAIRLEAD_TRY(const off_t end, end_of_lines(fd.get(), path));
  if (end > kLongestJournal) return replace_file(path, line, mode);
  Result<void> written = write_all(fd.get(), line, end, path);
  if (written) return close_written(fd, path);
  // A file that holds no line is as good as none.
  if (end == 0) unlink(path.c_str());
  return written;
}

std::string_view last_line(std::string_view content) {
  const std::size_t end = content.rfind('\n');
  if (end == std::string_view::npos) return {};
  content = content.substr(0, end);
  return content.substr(content.rfind('\n') + 1);  // npos + 1 is 0
}

Result<void> make_directories(const std::string& path) {
  if (path.empty() || mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return io_failure("create directory", path);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return io_failure("create directory", path);
  FAIRLEAD_CHECK(make_directories(path.substr(0, slash)));
  if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return io_failure("create directory", path);
}

Result<void> remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0) return io_failure("remove", path);
  return {};
}

Result<std::string> boot_id() {
  static constexpr const char* kPath = "/proc/sys/kernel/random/boot_id";
  FAIRLEAD_TRY(std::optional<std::string> text, read_file(kPath, 64));
  if (!text) return Unexpected(Errc::kNotFound, std::string("open ") + kPath + ": it does not exist");
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *std::move(text);
}

}  // namespace fairlead
