#include "sys/legacy_iptables.hpp"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "fairlead/file.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::sys {

namespace {

constexpr std::size_t kNamesLimit = 4096;  // a handful of table names
constexpr int kTries = 4;

/// The way to one family's tables. The structures of both are laid out alike.
struct Door {
  const char* names;
  int domain;
  int level;
};

Door door_of(IpFamily family) {
  if (family == IpFamily::kV4) return {"/proc/net/ip_tables_names", AF_INET, IPPROTO_IP};
  return {"/proc/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6};
}
static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo));
static_assert(sizeof(ipt_get_entries) == sizeof(ip6t_get_entries));
static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES);

Result<bool> is_loaded(const Door& door, const std::string& table) {
  FAIRLEAD_TRY(const std::optional<std::string> names, read_file(door.names, kNamesLimit));
  return names && ("\n" + *names).find("\n" + table + "\n") != std::string::npos;
}

/// The whole table as the kernel gives it; kBusy if it changed between its size and its content (EAGAIN).
Result<std::string> read_table(int fd, const Door& door, const std::string& table) {
  ipt_getinfo info{};
  table.copy(info.name, sizeof(info.name) - 1);
  socklen_t size = sizeof(info);
  if (getsockopt(fd, door.level, IPT_SO_GET_INFO, &info, &size) != 0) {
    return Unexpected(error_from_errno(errno, "read the size of legacy iptables table " + table));
  }
  ipt_get_entries head{};
  table.copy(head.name, sizeof(head.name) - 1);
  head.size = info.size;
  std::string bytes(sizeof(head) + info.size, '\0');
  std::memcpy(bytes.data(), &head, sizeof(head));
  size = static_cast<socklen_t>(bytes.size());
  if (getsockopt(fd, door.level, IPT_SO_GET_ENTRIES, bytes.data(), &size) == 0) return bytes;
  return Unexpected(error_from_errno(errno, "read legacy iptables table " + table));
}

}  // namespace

Result<bool> has_legacy_chain(IpFamily family, const std::string& table, const std::string& chain) {
  const Door door = door_of(family);
  FAIRLEAD_TRY(const bool loaded, is_loaded(door, table));
  if (!loaded) return false;
  const UniqueFd socket(::socket(door.domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!socket.valid()) return Unexpected(error_from_errno(errno, "open a socket to legacy iptables"));
  for (int tries = 1;; ++tries) {
    const Result<std::string> bytes = read_table(socket.get(), door, table);
    // A chain begins with an entry whose target, "ERROR", holds its name; jumps are offsets.
    if (bytes) return bytes->find(chain + '\0') != std::string::npos;
    if (bytes.error().code != Errc::kBusy || tries == kTries) return Unexpected(Error(bytes.error()));
  }
}

}  // namespace fairlead::sys
