// H1 to H4, H8 to H12: host-local's choice of addresses and what it keeps on disk. The executable is called
// directly, as its callers do; it never opens CNI_NETNS.
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"
#include "tests/conformance/tracer.hpp"

namespace fairlead::conformance {
namespace {

constexpr int kInvalidConfig = 7;
constexpr int kNotAvailable = 50;

Attachment container(const std::string& id) { return {.container = id, .netns = "/run/netns/" + id}; }

/// ADD; the bare address of the only IP.
std::string allocate(const World& world, const Json& config, const std::string& id) {
  const auto ips = view(attach(world, config, container(id))).ips;
  require(ips.size() == 1, id + " got " + std::to_string(ips.size()) + " addresses");
  return ips.front().bare();
}

void one_address_per_set(World& world) {
  Json ipam{{"type", "host-local"}};
  ipam["ranges"] = {{{{"subnet", "10.1.2.0/24"}}}, {{{"subnet", "2001:db8:1::/64"}}}};
  const auto config = ipam_config(world, ipam);
  const auto seen = view(attach(world, config, container("c1")));
  require_equal(seen.addresses(), "10.1.2.2/24 2001:db8:1::2/64", "the addresses");
  require_equal(seen.ips[0].gateway, "10.1.2.1", "the IPv4 gateway");
  require_equal(seen.ips[1].gateway, "2001:db8:1::1", "the IPv6 gateway");
  const auto held = leases("net");
  require(held.size() == 2, std::to_string(held.size()) + " lease files");
  for (const auto& ip : seen.ips) {
    require(held.contains(ip.bare()), "no lease file " + ip.bare());
    require_equal(held.at(ip.bare()), "c1\r\neth0", "the lease of " + ip.bare());
  }
  detach(world, config, container("c1"));
  require(leases("net").empty(), "DEL left a lease");
}

struct Row {
  const char* what;
  std::vector<std::string> subnets;
  std::vector<std::string> used;
  std::string last;  ///< content of last_reserved_ip.0
  std::string expected;
};

void next_address_follows_the_table(World& world) {
  const std::vector<std::string> p29{"10.0.0.0/29"};
  const std::vector<std::string> p30{"10.0.0.0/30", "10.0.1.0/30"};
  const std::vector<Row> rows{
      {"empty", p29, {}, "", "10.0.0.2"},
      {"first in use", p29, {"10.0.0.2"}, "", "10.0.0.3"},
      {"last was .5", p29, {}, "10.0.0.5", "10.0.0.6"},
      {".4 and .5 in use, last was .3", p29, {"10.0.0.4", "10.0.0.5"}, "10.0.0.3", "10.0.0.6"},
      {".6 in use, last was .5", p29, {"10.0.0.6"}, "10.0.0.5", "10.0.0.2"},
      {"last is out of range", p29, {}, "10.0.0.128", "10.0.0.2"},
      {"last is no address", p29, {}, "nonsense", "10.0.0.2"},
      {"only the last one is free",
       p29,
       {"10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"},
       "10.0.0.3",
       "10.0.0.3"},
      {"two ranges", p30, {}, "", "10.0.0.2"},
      {"two ranges, first used up", p30, {"10.0.0.2"}, "", "10.0.1.2"},
      {"two ranges, last was in the first", p30, {}, "10.0.0.2", "10.0.1.2"},
      {"two ranges, last was in the second", p30, {}, "10.0.1.2", "10.0.0.2"},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto network = "net" + std::to_string(i);
    Json set = Json::array();
    for (const auto& subnet : rows[i].subnets) set.push_back({{"subnet", subnet}});
    Json ipam{{"type", "host-local"}};
    ipam["ranges"] = Json::array({set});
    for (const auto& address : rows[i].used) write_lease(network, address, "other\r\neth0");
    if (!rows[i].last.empty()) write_last_reserved(network, rows[i].last);
    require_equal(allocate(world, ipam_config(world, ipam, network), "c1"), rows[i].expected, rows[i].what);
  }
}

void pool_runs_dry(World& world) {
  const auto config = ipam_config(world, host_local_ipam("10.0.0.0/29"));
  for (int i = 2; i <= 6; ++i) {
    require_equal(allocate(world, config, "c" + std::to_string(i)), "10.0.0." + std::to_string(i), "address");
  }
  must_fail(world.call("ADD", config, container("c7")), "ADD on a full pool");
  require(leases("net").size() == 5, "the failed ADD changed the leases");
  detach(world, config, container("c4"));
  require_equal(allocate(world, config, "c7"), "10.0.0.4", "the released address");
}

void released_address_rests(World& world) {
  const auto config = ipam_config(world, host_local_ipam());
  require_equal(allocate(world, config, "c1"), "10.1.2.2", "first");
  detach(world, config, container("c1"));
  require_equal(allocate(world, config, "c2"), "10.1.2.3", "after the release");
}

void legacy_leases_are_released(World& world) {
  const auto config = ipam_config(world, host_local_ipam());
  int host = 10;
  for (const char* content : {"c1", "c1\n", " c1 \r\n", "c1\r\neth0\n", "c1\r\neth0"}) {
    const auto address = "10.1.2." + std::to_string(++host);
    write_lease("net", address, content);
    detach(world, config, container("c1"));
    require(!leases("net").contains(address), std::string("DEL kept a lease of '") + content + "'");
  }
  for (const char* content : {"c10\r\neth0", "c1\r\neth1", "xc1"}) {
    const auto address = "10.1.2." + std::to_string(++host);
    write_lease("net", address, content);
    detach(world, config, container("c1"));
    require(leases("net").contains(address), std::string("DEL released another's lease '") + content + "'");
  }
}

/// All of them are the first: they race for the lease directory as well.
void parallel_adds_get_distinct_addresses(World& world) {
  const auto config = ipam_config(world, host_local_ipam());
  std::vector<Process> running;
  for (int i = 0; i < 200; ++i) {
    running.push_back(world.start("host-local", "ADD", config.dump(), container("c" + std::to_string(i))));
  }
  std::set<std::string> addresses;
  for (auto& process : running) {
    const Reply reply{process.wait()};
    require(reply.ok(), "an ADD of 200 failed: " + reply.describe());
    addresses.insert(view(reply.document()).addresses());
  }
  require(addresses.size() == 200, "only " + std::to_string(addresses.size()) + " distinct addresses");
  require(leases("net").size() == 200, std::to_string(leases("net").size()) + " leases");
}

/// Which file the callers of this network lock; 0 if there is none.
ino_t lock_inode() {
  struct stat status {};
  return ::stat("/var/lib/cni/networks/net/lock", &status) == 0 ? status.st_ino : 0;
}

void gc_frees_what_is_not_valid(World& world) {
  auto config = ipam_config(world, host_local_ipam());
  const auto kept = allocate(world, config, "kept");
  const auto lock = lock_inode();
  const auto other = allocate(world, config, "dropped");
  Attachment second = container("kept");
  second.ifname = "eth1";
  attach(world, config, second);
  write_lease("net", "10.1.2.100", "kept");
  write_lease("net", "10.1.2.101", "dropped");
  must_fail(world.call("GC", config, {}), "GC without cni.dev/valid-attachments", kInvalidConfig);
  require(leases("net").size() == 5, "GC without a list freed something");
  config["cni.dev/valid-attachments"] = {{{"containerID", "kept"}, {"ifname", "eth0"}}};
  const auto reply = world.call("GC", config, {});
  require(reply.ok() && reply.documents().empty(), "GC: " + reply.describe());
  const auto held = leases("net");
  require(held.contains(kept), "GC freed a valid lease");
  require(held.contains("10.1.2.100"), "GC freed a lease that names only the (valid) container id");
  require(!held.contains(other) && held.size() == 2,
          "GC kept leases that are not valid: " + Json(held).dump());
  const std::string directory = "/var/lib/cni/networks/net/";
  require_equal(read_file(directory + "last_reserved_ip.0"), "10.1.2.4", "last_reserved_ip.0 after GC");
  config["cni.dev/valid-attachments"] = Json::array();
  require(world.call("GC", config, {}).ok(), "GC with an empty list failed");
  require(leases("net").empty(), "GC with an empty list kept a lease");
  require(lock_inode() == lock, "GC replaced the lock file, which somebody else may be holding");
}

void status_tells_a_full_pool(World& world) {
  const auto config = ipam_config(world, host_local_ipam("10.0.0.0/30"));
  const auto before = take_snapshot(world);
  const auto free = world.call("STATUS", config, {});
  require(free.ok() && free.out.empty(), "STATUS of a free pool: " + free.describe());
  const auto differences = all_differences(before, take_snapshot(world));
  require(differences.empty(), "STATUS changed something:" + differences);
  allocate(world, config, "c1");
  must_fail(world.call("STATUS", config, {}), "STATUS of a full pool", kNotAvailable);
  detach(world, config, container("c1"));
  require(world.call("STATUS", config, {}).ok(), "STATUS after a release failed");
}

/// How often one call looks at files; what the rest of it costs is the business of its language's runtime.
unsigned file_calls(const World& world, const char* verb, const std::string& network) {
  const auto config = ipam_config(world, host_local_ipam("10.0.0.0/8"), network);
  auto process = world.start("host-local", verb, config.dump(), container("c1"), /*traced=*/true);
  constexpr unsigned kFarTooMany = 20'000;
  const auto seen = trace(process.pid(), kFarTooMany);
  const auto output = process.collect();
  require(!seen.killed, std::string(verb) + " makes more than 20000 system calls on the network " + network);
  require(seen.exit_code == 0, std::string(verb) + " failed: " + output.out);
  unsigned count = 0;
  for (const long number : {SYS_open, SYS_openat, SYS_openat2, SYS_getdents64, SYS_read, SYS_pread64,
                            SYS_stat, SYS_lstat, SYS_newfstatat, SYS_statx, SYS_access, SYS_faccessat}) {
    if (const auto found = seen.by_number.find(number); found != seen.by_number.end()) count += found->second;
  }
  return count;
}

/// 60,000 leases against none. Not a scan, and not one look more.
void leases_do_not_slow_down(World& world) {
  for (int i = 0; i < 60000; ++i) {
    const auto address = "10." + std::to_string(i / 62500) + "." + std::to_string(i / 250 % 250) + "." +
                         std::to_string(2 + i % 250);
    if (i == 0) {
      write_lease("many", address, "other0\r\neth0");
    } else {
      write_file("/var/lib/cni/networks/many/" + address, "other" + std::to_string(i) + "\r\neth0");
    }
  }
  write_last_reserved("many", "10.0.239.251");
  // The first ADD makes the directory, and after a boot it may read what is there, once.
  for (const char* network : {"few", "many"}) {
    const auto first = ipam_config(world, host_local_ipam("10.0.0.0/8"), network);
    attach(world, first, container("first"));
    detach(world, first, container("first"));
  }
  for (const char* verb : {"ADD", "DEL"}) {
    const unsigned few = file_calls(world, verb, "few");
    const unsigned many = file_calls(world, verb, "many");
    require(few == many, std::string(verb) + " looks at files " + std::to_string(many) +
                             " times with 60000 leases, " + std::to_string(few) + " times with none");
  }
  require(leases("few").empty() && leases("many").size() == 60000, "DEL released the wrong leases");
}

}  // namespace

std::vector<Case> host_local_cases() {
  using enum Versions;
  return {
      {"H1",
       "one address per range set; lease files hold `id CR LF ifname`",
       {"host-local"},
       kEach,
       Ipam::kNone,
       one_address_per_set},
      {"H2",
       "the next address follows the last one through ranges and past used ones",
       {"host-local"},
       kNewest,
       Ipam::kNone,
       next_address_follows_the_table},
      {"H3",
       "a /29 gives .2 to .6, then an error that holds nothing",
       {"host-local"},
       kEach,
       Ipam::kNone,
       pool_runs_dry},
      {"H4",
       "a released address is not the next one given",
       {"host-local"},
       kEach,
       Ipam::kNone,
       released_address_rests},
      {"H8",
       "leases with only an id or stray white space are released, others' are not",
       {"host-local"},
       kNewest,
       Ipam::kNone,
       legacy_leases_are_released},
      {"H9",
       "200 first ADDs at once get 200 addresses",
       {"host-local"},
       kNewest,
       Ipam::kNone,
       parallel_adds_get_distinct_addresses},
      {"H10",
       "GC frees what is not valid, keeps the rest, lock and last_reserved_ip; without a list: error 7",
       {"host-local"},
       kOnly110,
       Ipam::kNone,
       gc_frees_what_is_not_valid},
      {"H11",
       "STATUS: 50 when the pool is full, no side effect",
       {"host-local"},
       kOnly110,
       Ipam::kNone,
       status_tells_a_full_pool},
      {"H12",
       "ADD and DEL cost the same with 60,000 leases",
       {"host-local"},
       kNewest,
       Ipam::kNone,
       leases_do_not_slow_down},
  };
}

}  // namespace fairlead::conformance
