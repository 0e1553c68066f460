#include "ipam/lease_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "fairlead/file.hpp"

namespace fairlead::ipam {
namespace {

constexpr std::size_t kMaxLease = 4096;
constexpr mode_t kLeaseMode = 0600;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank("\0 \t\r\n\v\f", 7);
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

constexpr const char* kSetDataDir = "set ipam.dataDir to a writable directory";

Unexpected with_hint(Error error) {
  if (error.code == Errc::kDenied) return Unexpected(std::move(error).with_remedy(kSetDataDir));
  if (error.code == Errc::kExhausted)
    return Unexpected(std::move(error).with_remedy("free space on the file system of ipam.dataDir"));
  return Unexpected(std::move(error));
}

/// 0 or an errno. A short write is followed by the error that caused it.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// Gives the unnamed file a name; 0 or an errno. AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH of the initial
/// user namespace (ENOENT without, fs/namei.c do_linkat), the way through /proc only a mounted /proc.
int link_unnamed(int file, int directory, const std::string& name) {
  if (::linkat(file, "", directory, name.c_str(), AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOENT && errno != EPERM) return errno;
  const std::string by_proc = "/proc/self/fd/" + std::to_string(file);
  return ::linkat(AT_FDCWD, by_proc.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

}  // namespace

LeaseText parse_lease(std::string_view content) {
  content = trimmed(content);
  const std::size_t line_end = content.find_first_of("\r\n");
  LeaseText lease{.container_id = std::string(trimmed(content.substr(0, line_end)))};
  if (line_end != std::string_view::npos) lease.ifname = trimmed(content.substr(line_end));
  return lease;
}

std::string lease_content(const Owner& owner) { return owner.container_id + "\r\n" + owner.ifname; }

Unexpected LeaseDirectory::failed(int err, const char* operation, const std::string& name) const {
  return with_hint(error_from_errno(err, std::string(operation) + " " + path_ + "/" + name));
}

Result<LeaseDirectory> LeaseDirectory::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return with_hint(error_from_errno(errno, "open lease directory " + path));
  return LeaseDirectory(std::move(fd), path);
}

Result<LeaseDirectory> LeaseDirectory::open_or_create(const std::string& path) {
  auto opened = open(path);
  if (opened || opened.error().code != Errc::kNotFound) return opened;
  if (auto made = make_directories(path); !made) {
    Error error = std::move(made).error().with_context("create lease directory " + path);
    // Below /proc, for one, no directory can be made, which the kernel calls ENOENT.
    if (error.code == Errc::kNotFound) error.remedy = kSetDataDir;
    return with_hint(std::move(error));
  }
  return open(path);
}

Result<DirectoryLock> LeaseDirectory::lock() const {
  UniqueFd file(::openat(fd_.get(), "lock", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kLeaseMode));
  if (!file.valid()) return failed(errno, "open", "lock");
  if (::flock(file.get(), LOCK_EX) == 0) return DirectoryLock(std::move(file));
  if (errno == EINTR)
    return Unexpected(Errc::kTimeout, "lock " + path_ + "/lock: another process held it until the deadline");
  return failed(errno, "lock", "lock");
}

Result<bool> LeaseDirectory::has(const IpAddress& address) const {
  FAIRLEAD_TRY(const auto identity, identify(address));
  return identity.has_value();
}

Result<std::optional<LeaseIdentity>> LeaseDirectory::identify(const IpAddress& address) const {
  const std::string name = address.to_string();
  struct stat status {};
  if (::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return std::optional(LeaseIdentity{.inode = status.st_ino,
                                       .changed_seconds = status.st_ctim.tv_sec,
                                       .changed_nanoseconds = status.st_ctim.tv_nsec});
  }
  if (errno == ENOENT) return std::optional<LeaseIdentity>();
  return failed(errno, "look up lease", name);
}

Result<std::optional<LeaseText>> LeaseDirectory::read(const IpAddress& address) const {
  const std::string name = address.to_string();
  // O_NONBLOCK: a FIFO of that name must not block us.
  const UniqueFd file(::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ELOOP) return std::optional<LeaseText>();
    return failed(errno, "read lease", name);
  }
  std::array<char, kMaxLease> content;
  const ssize_t size = ::read(file.get(), content.data(), content.size());
  struct stat status {};
  // An empty file is a lease that nobody finished, an empty FIFO is none of ours.
  if (size == 0 && (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)))
    return std::optional<LeaseText>();
  if (size >= 0) return std::optional(parse_lease({content.data(), static_cast<std::size_t>(size)}));
  if (errno == EISDIR || errno == EAGAIN) return std::optional<LeaseText>();
  return failed(errno, "read lease", name);
}

Result<void> LeaseDirectory::create(const IpAddress& address, const Owner& owner) const {
  const std::string name = address.to_string();
  const std::string content = lease_content(owner);
  UniqueFd file(::openat(fd_.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, kLeaseMode));
  if (!file.valid()) {
    // EOPNOTSUPP from a file system without unnamed files, EISDIR or EINVAL where O_TMPFILE is unknown.
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) return create_exclusive(name, content);
    return failed(errno, "create lease", name);
  }
  if (const int err = write_all(file.get(), content); err != 0) return failed(err, "write lease", name);
  switch (const int err = link_unnamed(file.get(), fd_.get(), name)) {
    case 0:
      break;
    case ENOENT:
    case EOPNOTSUPP:
      return create_exclusive(name, content);
    default:
      return failed(err, "create lease", name);
  }
  return close_written(std::move(file), name);
}

Result<void> LeaseDirectory::create_exclusive(const std::string& name, const std::string& content) const {
  UniqueFd file(::openat(fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kLeaseMode));
  if (!file.valid()) return failed(errno, "create lease", name);
  const int err = write_all(file.get(), content);
  if (err == 0) return close_written(std::move(file), name);
  ::unlinkat(fd_.get(), name.c_str(), 0);
  return failed(err, "write lease", name);
}

Result<void> LeaseDirectory::close_written(UniqueFd file, const std::string& name) const {
  auto closed = file.close();
  if (closed) return closed;
  ::unlinkat(fd_.get(), name.c_str(), 0);
  return with_hint(Error(closed.error()).with_context("write lease " + path_ + "/" + name));
}

Result<void> LeaseDirectory::remove(const IpAddress& address) const {
  const std::string name = address.to_string();
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return failed(errno, "remove lease", name);
}

Result<std::vector<IpAddress>> LeaseDirectory::addresses() const {
  const int fd = ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed(errno, "list", "");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd), ::closedir);
  if (stream == nullptr) return failed(errno, "list", "");
  std::vector<IpAddress> found;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    if (auto address = IpAddress::parse(static_cast<const char*>(entry->d_name))) found.push_back(*address);
    errno = 0;
  }
  if (errno != 0) return failed(errno, "list", "");
  return found;
}

std::optional<IpAddress> LeaseDirectory::last_reserved(std::size_t set) const {
  const std::string name = "last_reserved_ip." + std::to_string(set);
  const UniqueFd file(::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 64> content;
  const ssize_t size = file.valid() ? ::read(file.get(), content.data(), content.size()) : -1;
  // It only says where to begin: without it, or with nonsense in it, the search begins at the front.
  if (size <= 0) return std::nullopt;
  auto address = IpAddress::parse(trimmed({content.data(), static_cast<std::size_t>(size)}));
  if (!address) return std::nullopt;
  return *address;
}

Result<void> LeaseDirectory::remember_last(std::size_t set, const IpAddress& address) const {
  const std::string name = "last_reserved_ip." + std::to_string(set);
  const std::string content = address.to_string();
  // Not O_TRUNC: ext4 writes a file that was cut to nothing out when it is closed (auto_da_alloc,
  // fs/ext4/file.c), and the next one to cut it waits for that: 2 to 4 ms instead of 20 us. A process that
  // is killed before ftruncate leaves a wrong place to begin at, which harms nobody.
  UniqueFd file(::openat(fd_.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kLeaseMode));
  if (!file.valid()) return failed(errno, "open", name);
  if (const int err = write_all(file.get(), content); err != 0) return failed(err, "write", name);
  struct stat status {};
  const auto size = static_cast<off_t>(content.size());
  if (::fstat(file.get(), &status) != 0 || (status.st_size != size && ::ftruncate(file.get(), size) != 0))
    return failed(errno, "write", name);
  auto closed = file.close();
  if (closed) return closed;
  return with_hint(Error(closed.error()).with_context("write " + path_ + "/" + name));
}

}  // namespace fairlead::ipam
