#include "tests/conformance/result_view.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <set>

namespace fairlead::conformance {
namespace {

void require_only_keys(const Json& object, const std::set<std::string>& allowed, const std::string& what) {
  require(object.is_object(), what + " is no object: " + object.dump());
  for (const auto& [key, value] : object.items()) {
    require(allowed.contains(key), what + " holds the unknown key '" + key + "'");
  }
}

int family_of(const std::string& address) {
  in6_addr parsed{};
  if (::inet_pton(AF_INET, address.c_str(), &parsed) == 1) return 4;
  if (::inet_pton(AF_INET6, address.c_str(), &parsed) == 1) return 6;
  fail("'" + address + "' is no address");
}

void require_cidr(const std::string& text, int family, const std::string& what) {
  const auto slash = text.find('/');
  require(slash != std::string::npos, what + " '" + text + "' has no prefix length");
  const int found = family_of(text.substr(0, slash));
  require(family == 0 || found == family, what + " '" + text + "' is of the other family");
}

void require_valid_legacy(const Json& result) {
  require_only_keys(result, {"cniVersion", "ip4", "ip6", "dns"}, "result");
  require(result.contains("ip4") || result.contains("ip6"), "result has neither ip4 nor ip6");
  for (const int family : {4, 6}) {
    const std::string key = "ip" + std::to_string(family);
    if (!result.contains(key)) continue;
    require_only_keys(result.at(key), {"ip", "gateway", "routes"}, key);
    require_cidr(result.at(key).at("ip").get<std::string>(), family, key + ".ip");
  }
}

void require_valid_interfaces(const Json& interfaces, const std::string& version) {
  std::set<std::string> keys{"name", "mac", "sandbox"};
  if (version >= "1.1.0") keys.insert({"mtu", "socketPath", "pciID"});
  for (const auto& interface : interfaces) {
    require_only_keys(interface, keys, "interface");
    require(interface.contains("name"), "interface without a name");
  }
}

void require_valid_ips(const Json& result, const std::string& version) {
  const std::size_t interfaces = result.value("interfaces", Json::array()).size();
  for (const auto& ip : result.value("ips", Json::array())) {
    std::set<std::string> keys{"address", "gateway", "interface"};
    if (version < "1.0.0") keys.insert("version");
    require_only_keys(ip, keys, "ips entry");
    const auto address = ip.at("address").get<std::string>();
    require_cidr(address, 0, "ips.address");
    if (version < "1.0.0") {
      const bool v6 = address.find(':') != std::string::npos;
      require_equal(ip.value("version", ""), v6 ? "6" : "4", "ips.version of " + address);
    }
    if (ip.contains("interface")) {
      require(ip.at("interface").get<std::size_t>() < interfaces, "ips.interface is out of range");
    }
  }
}

void add_legacy(ResultView& view, const Json& part) {
  view.ips.push_back({part.at("ip").get<std::string>(), part.value("gateway", "")});
  for (const auto& route : part.value("routes", Json::array())) view.routes.push_back(route);
}

}  // namespace

const Json& ResultView::interface(const std::string& name) const {
  const auto found = std::find_if(interfaces.begin(), interfaces.end(),
                                  [&](const Json& entry) { return entry.value("name", "") == name; });
  if (found == interfaces.end()) fail("the result names no interface " + name);
  return *found;
}

std::vector<std::string> ResultView::route_texts() const {
  std::vector<std::string> texts;
  for (const auto& route : routes) {
    std::string text = route.value("dst", "");
    if (route.contains("gw")) text += " via " + route.value("gw", "");
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string ResultView::addresses() const {
  std::string text;
  for (const auto& ip : ips) text += (text.empty() ? "" : " ") + ip.address;
  return text;
}

ResultView view(const Json& result) {
  ResultView view;
  view.dns = result.value("dns", Json::object());
  for (const auto& interface : result.value("interfaces", Json::array()))
    view.interfaces.push_back(interface);
  for (const auto& route : result.value("routes", Json::array())) view.routes.push_back(route);
  for (const auto& ip : result.value("ips", Json::array())) {
    ResultIp entry{ip.at("address").get<std::string>(), ip.value("gateway", "")};
    if (ip.contains("interface")) entry.interface = ip.at("interface").get<std::size_t>();
    view.ips.push_back(std::move(entry));
  }
  for (const char* key : {"ip4", "ip6"}) {
    if (result.contains(key)) add_legacy(view, result.at(key));
  }
  return view;
}

void require_valid_result(const Json& result, const std::string& version) {
  require(result.is_object(), "result is no object: " + result.dump());
  require_equal(result.value("cniVersion", ""), version, "cniVersion of the result");
  if (version < "0.3.0") return require_valid_legacy(result);
  require_only_keys(result, {"cniVersion", "interfaces", "ips", "routes", "dns"}, "result");
  require_valid_interfaces(result.value("interfaces", Json::array()), version);
  require_valid_ips(result, version);
  for (const auto& route : result.value("routes", Json::array())) {
    require_only_keys(route, {"dst", "gw", "mtu", "advmss", "priority", "table", "scope"}, "route");
    require_cidr(route.at("dst").get<std::string>(), 0, "routes.dst");
  }
}

}  // namespace fairlead::conformance
