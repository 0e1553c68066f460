#include "tests/conformance/sample.hpp"

namespace fairlead::conformance {

Json host_local_ipam(const std::string& subnet) { return {{"type", "host-local"}, {"subnet", subnet}}; }

Json static_ipam(const std::vector<std::string>& addresses) {
  Json list = Json::array();
  for (const auto& address : addresses) list.push_back({{"address", address}});
  return {{"type", "static"}, {"addresses", list}};
}

Json bridge_config(const World& world, const std::string& network) {
  Json result = l2_config(world, network);
  result["isDefaultGateway"] = true;
  result["ipam"] = host_local_ipam();
  return result;
}

Json l2_config(const World& world, const std::string& network) {
  Json result = config(world, "bridge", network);
  result["bridge"] = "cni0";
  return result;
}

Json ipam_config(const World& world, const Json& ipam, const std::string& network) {
  Json result = config(world, ipam.at("type").get<std::string>(), network);
  result["ipam"] = ipam;
  return result;
}

Json sample_config(const World& world, const std::string& plugin) {
  if (plugin == "bridge") return bridge_config(world);
  if (plugin == "host-local") return ipam_config(world, host_local_ipam());
  if (plugin == "static") return ipam_config(world, static_ipam({"10.1.2.3/24"}));
  return config(world, plugin);
}

}  // namespace fairlead::conformance
