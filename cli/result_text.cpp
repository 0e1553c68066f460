#include "cli/result_text.hpp"

#include "plugins/cni/document_json.hpp"
#include "plugins/cni/result_json.hpp"

namespace fairlead::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string describe(const cni::Ip& ip) {
  return ip.address.to_string() + (ip.gateway ? " gateway " + ip.gateway->to_string() : "");
}

std::string describe(const cni::AddResult& result, std::size_t index) {
  const cni::Interface& interface = result.interfaces[index];
  std::string line =
      interface.name + (interface.sandbox.empty() ? "  on the host" : "  in " + interface.sandbox);
  if (!interface.mac.empty()) line += "  mac " + interface.mac;
  if (interface.mtu) line += "  mtu " + std::to_string(*interface.mtu);
  line += "\n";
  for (const auto& ip : result.ips) {
    if (ip.interface == index) line += "  " + describe(ip) + "\n";
  }
  return line;
}

std::string describe(const cni::Route& route) {
  std::string text = "route " + route.dst.to_string();
  if (route.gw) text += " via " + route.gw->to_string();
  const auto number = [&](const char* name, const auto& value) {
    if (value) text += std::string(" ") + name + " " + std::to_string(*value);
  };
  number("table", route.table);
  number("priority", route.priority);
  number("mtu", route.mtu);
  number("advmss", route.advmss);
  number("scope", route.scope);
  return text + "\n";
}

}  // namespace

Result<std::string> describe_result(const std::string& result) {
  FAIRLEAD_TRY(const auto document, cni::Document::parse(result));
  FAIRLEAD_TRY(const auto decoded,
               cni::decode_result(document->root(), cni::SpecVersion(0, 1, 0), cni::DanglingIndex::kRefuse));
  std::string text;
  for (std::size_t i = 0; i < decoded.interfaces.size(); ++i) text += describe(decoded, i);
  for (const auto& ip : decoded.ips) {
    if (!ip.interface) text += describe(ip) + "\n";
  }
  for (const auto& route : decoded.routes) text += describe(route);
  if (!decoded.dns.nameservers.empty()) text += "nameservers " + joined(decoded.dns.nameservers) + "\n";
  if (!decoded.dns.search.empty()) text += "search " + joined(decoded.dns.search) + "\n";
  return text;
}

}  // namespace fairlead::cli
