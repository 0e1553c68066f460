#include "tests/conformance/observe.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace fairlead::conformance {
namespace {

constexpr const char* kNetworks = "/var/lib/cni/networks";
// ms; reached only when the packet is lost for good. While duplicate address detection of the bridge's
// link-local address goes on, up to two seconds, the host cannot ask for a neighbour (case B20.outside).
constexpr int kPacketTimeout = 5000;

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

Endpoint endpoint(const std::string& address, in_port_t port) {
  Endpoint result;
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.address);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.address);
  if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    result.size = sizeof(sockaddr_in6);
  } else {
    if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) != 1) fail("no address: " + address);
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    result.size = sizeof(sockaddr_in);
  }
  return result;
}

std::string text_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes =
      address.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr)
          : &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  return ::inet_ntop(address.ss_family, bytes, text.data(), text.size());
}

/// A UDP socket of that namespace, bound to the address (any port).
Fd bound_socket(const World& world, const std::string& netns, const std::string& address) {
  Fd socket;
  world.inside(netns, [&] {
    const auto local = endpoint(address, 0);
    socket = Fd(::socket(local.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&local.address), local.size) != 0) {
      fail("bind " + address + " in " + netns + ": " + std::strerror(errno));
    }
  });
  return socket;
}

bool readable(const Fd& socket) {
  pollfd ready{socket.get(), POLLIN, 0};
  return ::poll(&ready, 1, kPacketTimeout) == 1 && (ready.revents & POLLIN) != 0;
}

}  // namespace

std::optional<Json> find_link(const World& world, const std::string& name, const std::string& netns) {
  for (const auto& link : world.ip({"-d", "addr", "show"}, netns)) {
    if (link.value("ifname", "") == name) return link;
  }
  return std::nullopt;
}

Json link(const World& world, const std::string& name, const std::string& netns) {
  auto found = find_link(world, name, netns);
  if (!found) fail("no link " + name + (netns.empty() ? " on the host" : " in " + netns));
  return *found;
}

bool has_link(const World& world, const std::string& name, const std::string& netns) {
  return find_link(world, name, netns).has_value();
}

bool has_flag(const Json& link, const std::string& flag) {
  const auto flags = link.value("flags", Json::array());
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

bool has_address(const Json& link, const std::string& address) {
  const auto addresses = link.value("addr_info", Json::array());
  return std::any_of(addresses.begin(), addresses.end(), [&](const Json& entry) {
    return entry.value("local", "") + "/" + std::to_string(entry.value("prefixlen", 0)) == address;
  });
}

bool has_tentative(const World& world, const std::string& netns, const std::vector<std::string>& words) {
  std::vector<std::string> arguments{"-6", "addr", "show"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  for (const auto& link : world.ip(arguments, netns)) {
    for (const auto& address : link.value("addr_info", Json::array())) {
      if (address.value("tentative", false)) return true;
    }
  }
  return false;
}

void settle_ipv6(const World& world, const std::string& netns) {
  world.wait_for_change(netns, "an IPv6 address stays tentative",
                        [&] { return !has_tentative(world, netns); });
}

std::vector<std::string> link_names(const World& world, const std::string& netns) {
  std::vector<std::string> names;
  for (const auto& link : world.ip({"link", "show"}, netns)) names.push_back(link.value("ifname", ""));
  return names;
}

std::vector<Json> routes_to(const World& world, const std::string& dst, const std::string& netns,
                            const std::string& table) {
  const bool v6 = dst.find(':') != std::string::npos;
  const std::string wanted = dst == "0.0.0.0/0" || dst == "::/0" ? "default" : dst;
  std::vector<Json> found;
  for (const auto& route : world.ip({v6 ? "-6" : "-4", "-d", "route", "show", "table", table}, netns)) {
    if (route.value("dst", "") == wanted) found.push_back(route);
  }
  return found;
}

std::map<std::string, std::string> leases(const std::string& network, const std::string& data_dir) {
  std::map<std::string, std::string> found;
  const std::string directory = data_dir + "/" + network;
  DIR* handle = ::opendir(directory.c_str());
  if (handle == nullptr) return found;
  while (const dirent* entry = ::readdir(handle)) {
    const std::string name = entry->d_name;
    if (name.starts_with(".") || name.starts_with("lock") || name.starts_with("last_reserved_ip.")) continue;
    found[name] = read_file(directory + "/" + name);
  }
  ::closedir(handle);
  return found;
}

void write_lease(const std::string& network, const std::string& address, const std::string& owner) {
  std::string directory = "/var/lib/cni";
  ::mkdir(directory.c_str(), 0755);
  ::mkdir(kNetworks, 0755);
  directory = std::string(kNetworks) + "/" + network;
  ::mkdir(directory.c_str(), 0755);
  write_file(directory + "/" + address, owner);
}

void write_last_reserved(const std::string& network, const std::string& address) {
  write_lease(network, "last_reserved_ip.0", address);
}

std::string add_outside(World& world) {
  auto outside = world.add_netns("outside");
  // The uplink of a real host has been up for long. Here duplicate address detection of its link-local
  // address would hold packets back for two seconds.
  const auto without_dad = [] { write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "0"); };
  const auto with_dad = [] { write_file("/proc/sys/net/ipv6/conf/default/accept_dad", "1"); };
  world.inside(outside, without_dad);
  without_dad();
  world.ip_batch(
      "link add uplink type veth peer name eth0 netns outside\n"
      "link set uplink up\n"
      "addr add 192.0.2.1/24 dev uplink\n"
      "addr add 2001:db8:ffff::1/64 dev uplink nodad\n");
  with_dad();
  world.ip_batch(
      "link set lo up\n"
      "link set eth0 up\n"
      "addr add 192.0.2.2/24 dev eth0\n"
      "addr add 2001:db8:ffff::2/64 dev eth0 nodad\n"
      "route add default via 192.0.2.1\n"
      "route add default via 2001:db8:ffff::1\n",
      outside);
  return outside;
}

std::optional<std::string> exchange(const World& world, const Exchange& exchange) {
  const Fd server = bound_socket(world, exchange.to_netns, exchange.to_address);
  const bool v6 = exchange.to_address.find(':') != std::string::npos;
  const auto any = v6 ? "::" : "0.0.0.0";
  const Fd client =
      bound_socket(world, exchange.from_netns, exchange.from_address.empty() ? any : exchange.from_address);
  Endpoint target;
  target.size = sizeof target.address;
  ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&target.address), &target.size);
  const char message[] = "fairlead";
  if (::sendto(client.get(), message, sizeof message, 0, reinterpret_cast<sockaddr*>(&target.address),
               target.size) < 0) {
    return std::nullopt;
  }
  std::array<char, 64> buffer{};
  sockaddr_storage seen{};
  socklen_t size = sizeof seen;
  if (!readable(server)) return std::nullopt;
  if (::recvfrom(server.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&seen), &size) <
      0) {
    return std::nullopt;
  }
  ::sendto(server.get(), message, sizeof message, 0, reinterpret_cast<sockaddr*>(&seen), size);
  if (!readable(client)) return std::nullopt;
  return text_of(seen);
}

}  // namespace fairlead::conformance
