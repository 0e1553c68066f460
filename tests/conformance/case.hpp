// A conformance case and the checks that it is written with.
//
// Checks throw: a case is a straight list of statements, and the first one that does not hold ends it.
// The only place that catches is run_case() in runner.cpp.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace fairlead::conformance {

using Json = nlohmann::json;
class World;

/// A statement of a case that does not hold; what() is the reason printed in the report.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void require(bool holds, const std::string& otherwise);
void require_equal(const std::string& actual, const std::string& expected, const std::string& what);
[[noreturn]] void fail(const std::string& reason);

/// The specification versions a case is run for.
enum class Versions {
  kEach,      ///< 0.1.0 to 1.1.0
  kSince030,  ///< results with interfaces: 0.3.0 to 1.1.0
  kUntil020,  ///< results with ip4 and ip6: 0.1.0 and 0.2.0
  kSince040,  ///< CHECK, prevResult on DEL
  kOnly110,   ///< GC, STATUS, route attributes
  kNewest,    ///< one run, the newest version that the plugins speak: nothing in it depends on the version
};

/// Whether a case delegates to an IPAM plugin, and so is worth repeating with somebody else's.
enum class Ipam { kNone, kDelegated };

struct Case {
  const char* id;  ///< as in docs/conformance.md; "B19.route" is a part of B19
  const char* title;
  std::vector<const char*> plugins;  ///< what it calls; empty: whatever of kPlugins the directory holds
  Versions versions;
  Ipam ipam;
  void (*run)(World&);
};

/// The plugins that the suite knows.
inline constexpr const char* kPlugins[] = {"bridge", "host-local", "static", "loopback"};

std::vector<Case> protocol_cases();
std::vector<Case> lifecycle_cases();
std::vector<Case> bridge_l3_cases();
std::vector<Case> bridge_options_cases();
std::vector<Case> bridge_check_cases();
std::vector<Case> masquerade_cases();
std::vector<Case> host_local_cases();
std::vector<Case> host_local_request_cases();
std::vector<Case> static_cases();
std::vector<Case> loopback_cases();

}  // namespace fairlead::conformance
