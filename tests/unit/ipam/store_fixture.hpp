// A lease store in directories of its own, and the files as another program sees them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "ipam/lease_store.hpp"
#include "tests/unit/ipam/temp_directory.hpp"
#include "tests/unit/ipam/values.hpp"

namespace fairlead::test {

class StoreFixture : public ::testing::Test {
 protected:
  [[nodiscard]] ipam::LeaseStore store() const {
    return *ipam::LeaseStore::at({.data_dir = dir_ / "data", .network = "web", .run_dir = dir_ / "run"});
  }
  [[nodiscard]] std::string lease_path(const std::string& name) const { return dir_ / "data/web/" + name; }
  void plant(const std::string& name, const std::string& content) const {
    write_file(lease_path(name), content);
  }

  /// Names in the lease directory, sorted, without lock and last_reserved_ip.*.
  [[nodiscard]] std::vector<std::string> leases() const {
    std::vector<std::string> names = names_in(dir_ / "data/web");
    std::erase_if(names, [](const std::string& name) {
      return name == "lock" || name.starts_with("last_reserved_ip.");
    });
    return names;
  }
  /// Names of index entries.
  [[nodiscard]] std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const std::string& network : names_in(dir_ / "run/leases"))
      for (std::string& name : names_in(dir_ / "run/leases/" + network)) names.push_back(std::move(name));
    return names;
  }
  [[nodiscard]] static std::vector<std::string> names_in(const std::string& path) {
    std::vector<std::string> names;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(path, missing))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] static ipam::Owner owner(const std::string& id, const std::string& ifname = "eth0") {
    return {.container_id = id, .ifname = ifname};
  }
  /// The addresses that an allocation gave, or its error, as one string.
  [[nodiscard]] std::string allocate(const ipam::Pool& pool, const ipam::Owner& who,
                                     const std::vector<const char*>& requested = {}) const {
    auto given = store().allocate(pool, who, ips(requested));
    if (!given) return "error: " + given.error().what;
    std::string text;
    for (const ipam::Lease& lease : *given)
      text += (text.empty() ? "" : " ") + lease.address.to_string() +
              (lease.gateway ? "@" + lease.gateway->to_string() : "");
    return text;
  }

  TempDirectory dir_;
};

}  // namespace fairlead::test
