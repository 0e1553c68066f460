// The result of ADD, whatever its specification version.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/case.hpp"

namespace fairlead::conformance {

struct ResultIp {
  std::string address;  ///< with prefix length
  std::string gateway;
  std::optional<std::size_t> interface {};
  [[nodiscard]] std::string bare() const { return address.substr(0, address.find('/')); }
};

struct ResultView {
  std::vector<Json> interfaces{};
  std::vector<ResultIp> ips{};
  std::vector<Json> routes{};
  Json dns = Json::object();
  /// The interface of that name, or a Failure.
  [[nodiscard]] const Json& interface(const std::string& name) const;
  /// "dst via gw" for every route.
  [[nodiscard]] std::vector<std::string> route_texts() const;
  /// The addresses with prefix lengths, joined by a blank.
  [[nodiscard]] std::string addresses() const;
};

ResultView view(const Json& result);
/// Shape, field names and cniVersion are what that version of the specification prescribes.
void require_valid_result(const Json& result, const std::string& version);

}  // namespace fairlead::conformance
