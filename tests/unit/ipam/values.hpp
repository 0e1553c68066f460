// Values written as text; a mistyped one aborts the test.
#pragma once

#include <string_view>
#include <vector>

#include "ipam/pool.hpp"

namespace fairlead::test {

inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }
inline IpNetwork net(std::string_view text) { return *IpNetwork::parse(text); }

inline std::vector<IpAddress> ips(const std::vector<const char*>& texts) {
  std::vector<IpAddress> addresses;
  for (const char* text : texts) addresses.push_back(ip(text));
  return addresses;
}

inline std::vector<ipam::RangeSpec> specs(const std::vector<const char*>& subnets) {
  std::vector<ipam::RangeSpec> ranges;
  for (const char* subnet : subnets) ranges.push_back({.subnet = net(subnet)});
  return ranges;
}

inline ipam::RangeSet set_of(const std::vector<const char*>& subnets) {
  return *ipam::RangeSet::make(specs(subnets));
}

inline ipam::Pool pool_of(const std::vector<std::vector<const char*>>& sets) {
  std::vector<std::vector<ipam::RangeSpec>> ranges;
  for (const auto& subnets : sets) ranges.push_back(specs(subnets));
  return *ipam::Pool::make(ranges);
}

}  // namespace fairlead::test
