// What a lease costs in this process at 0, 10,000 and 60,000 leases: reserving and releasing with the
// index, the same right behind a full block (the directory is read once), and a release without an index
// entry (every lease is read). The floor is the least that the format demands: create the file, write it,
// unlink it.
//
//   bench_ipam [DIRECTORY]     default: a new directory in TMPDIR, else /tmp
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ipam/lease_store.hpp"

namespace {

using fairlead::IpAddress;
using fairlead::ipam::LeaseStore;
using fairlead::ipam::Owner;
using fairlead::ipam::Pool;

constexpr int kRounds = 200;
constexpr int kSlowRounds = 5;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "bench_ipam: %s\n", what.c_str());
  std::exit(1);
}

double median_us(int rounds, const std::function<void(int)>& body) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body(i);
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<std::size_t>(rounds / 2)];
}

void put(const std::string& path, const std::string& content) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
    die("write " + path);
  ::close(fd);
}

Owner container(int number) { return {.container_id = "c" + std::to_string(number), .ifname = "eth0"}; }

/// One network with `count` leases from 10.0.0.2 on.
class Network {
 public:
  Network(const std::string& directory, int count)
      : directory_(directory + "/data/net" + std::to_string(count)),
        store_(*LeaseStore::at({.data_dir = directory + "/data",
                                .network = "net" + std::to_string(count),
                                .run_dir = directory + "/run"})) {
    std::filesystem::create_directories(directory_);
    for (int i = 0; i < count; ++i) put(directory_ + "/" + nth(i).to_string(), "old" + std::to_string(i));
    last_ = nth(count - 1).to_string();
  }

  double floor() const {
    const std::string path = directory_ + "/10.255.0.1";
    return median_us(kRounds, [&](int) {
      put(path, "c0\r\neth0");
      ::unlink(path.c_str());
    });
  }
  /// The round robin stands behind the last lease.
  double allocate() const {
    put(directory_ + "/last_reserved_ip.0", last_);
    return median_us(kRounds, [&](int i) { reserve(i); });
  }
  double release() const {
    return median_us(kRounds, [&](int i) { free(container(i)); });
  }
  /// The round robin stands in front of all of them.
  double allocate_behind_block() const {
    std::vector<double> times;
    for (int i = 0; i < kSlowRounds; ++i) {
      put(directory_ + "/last_reserved_ip.0", "10.0.0.1");
      times.push_back(median_us(1, [&](int) { reserve(i); }));
      free(container(i));
    }
    std::sort(times.begin(), times.end());
    return times[kSlowRounds / 2];
  }
  double release_unknown() const {
    return median_us(kSlowRounds, [&](int) { free({.container_id = "never", .ifname = "eth0"}); });
  }

 private:
  static IpAddress nth(int i) {
    return IpAddress::from_number(fairlead::IpFamily::kV4,
                                  fairlead::Uint128{0x0a000002} + static_cast<unsigned>(i));
  }
  void reserve(int i) const {
    static const Pool pool = *Pool::make({{{.subnet = *fairlead::IpNetwork::parse("10.0.0.0/8")}}});
    if (auto leases = store_.allocate(pool, container(i), {}); !leases) die(leases.error().to_string());
  }
  void free(const Owner& owner) const {
    if (auto freed = store_.release(owner); !freed) die(freed.error().to_string());
  }
  std::string directory_;
  std::string last_;
  LeaseStore store_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string directory =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "fairlead-bench-XXXXXX").string();
  if (argc < 2 && ::mkdtemp(directory.data()) == nullptr) die("mkdtemp " + directory);
  std::printf("medians in microseconds, files in %s\n", directory.c_str());
  std::printf("%8s %8s %10s %10s %14s %16s\n", "leases", "floor", "allocate", "release", "behind block",
              "release unknown");
  for (const int count : {0, 10'000, 60'000}) {
    const Network network(directory, count);
    const double floor = network.floor();
    const double allocate = network.allocate();
    const double release = network.release();
    std::printf("%8d %8.1f %10.1f %10.1f %14.1f %16.1f\n", count, floor, allocate, release,
                network.allocate_behind_block(), network.release_unknown());
  }
  if (argc < 2) std::filesystem::remove_all(directory);
  return 0;
}
