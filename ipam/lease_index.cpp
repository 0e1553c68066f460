#include "ipam/lease_index.hpp"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "fairlead/digest.hpp"
#include "fairlead/file.hpp"

namespace fairlead::ipam {
namespace {

std::string short_digest(std::initializer_list<std::string_view> parts) {
  const Sha256 digest = sha256_of(parts);
  return to_hex(std::span(digest).first(16));
}

std::optional<std::vector<IpAddress>> parse_list(std::string_view text) {
  std::vector<IpAddress> addresses;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    auto address = IpAddress::parse(text.substr(0, comma));
    if (!address) return std::nullopt;
    addresses.push_back(*address);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return addresses;
}

/// Makes an entry, in the place of one that is there. An errno.
int put_entry(const std::string& path, std::span<const IpAddress> addresses) {
  std::string target;
  for (const IpAddress& address : addresses) target += (target.empty() ? "" : ",") + address.to_string();
  if (::symlink(target.c_str(), path.c_str()) == 0) return 0;
  if (errno != EEXIST || ::unlink(path.c_str()) != 0) return errno;
  return ::symlink(target.c_str(), path.c_str()) == 0 ? 0 : errno;
}

Unexpected failed(int err, const std::string& operation, const std::string& path) {
  return Unexpected(error_from_errno(err, operation + " " + path)
                        .with_remedy("set FAIRLEAD_RUN_DIR to a writable directory"));
}

}  // namespace

LeaseIndex::LeaseIndex(const std::string& run_dir, const std::string& data_dir, const std::string& network)
    : directory_(run_dir.empty() ? "" : run_dir + "/leases/" + short_digest({data_dir, network})) {}

std::string LeaseIndex::name_of(const Owner& owner) {
  return short_digest({owner.container_id, owner.ifname});
}

std::optional<std::vector<IpAddress>> LeaseIndex::find(const Owner& owner) const {
  return find(name_of(owner));
}

std::optional<std::vector<IpAddress>> LeaseIndex::find(const std::string& name) const {
  if (directory_.empty()) return std::nullopt;
  std::array<char, 4096> target;
  const ssize_t size = ::readlink((directory_ + "/" + name).c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return parse_list({target.data(), static_cast<std::size_t>(size)});
}

Result<void> LeaseIndex::write(const Owner& owner, std::span<const IpAddress> addresses) const {
  if (directory_.empty()) return Unexpected(Errc::kInvalid, "write lease index: no run directory");
  const std::string path = directory_ + "/" + name_of(owner);
  int err = put_entry(path, addresses);
  if (err == ENOENT) {
    FAIRLEAD_CHECK(make_directories(directory_));
    err = put_entry(path, addresses);
  }
  if (err == 0) return {};
  return failed(err, "create lease index entry", path);
}

bool LeaseIndex::is_built() const { return ::access(directory_.c_str(), F_OK) == 0; }

Result<void> LeaseIndex::build(const std::map<Owner, std::vector<IpAddress>>& leases) const {
  if (directory_.empty()) return Unexpected(Errc::kInvalid, "make lease index: no run directory");
  // A process that was killed in here leaves a part, which is made complete; leases may have changed since.
  const std::string unfinished = directory_ + ".tmp";
  FAIRLEAD_CHECK(make_directories(unfinished));
  for (const auto& [owner, addresses] : leases) {
    const std::string path = unfinished + "/" + name_of(owner);
    if (const int err = put_entry(path, addresses); err != 0) {
      return failed(err, "create lease index entry", path);
    }
  }
  if (::rename(unfinished.c_str(), directory_.c_str()) == 0) return {};
  return failed(errno, "make lease index", directory_);
}

Result<void> LeaseIndex::remove(const std::string& name) const {
  if (directory_.empty()) return {};
  const std::string path = directory_ + "/" + name;
  if (::unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
  const int err = errno;
  // A directory that cannot be written says so before it says that there is no such entry.
  if (!find(name)) return {};
  return failed(err, "remove lease index entry", path);
}

std::vector<std::string> LeaseIndex::names() const {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(
      directory_.empty() ? nullptr : ::opendir(directory_.c_str()), ::closedir);
  if (stream == nullptr) return found;
  while (const dirent* entry = ::readdir(stream.get()))
    if (entry->d_name[0] != '.') found.emplace_back(static_cast<const char*>(entry->d_name));
  return found;
}

}  // namespace fairlead::ipam
