// Chooses and runs cases: one child process per case and specification version.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/conformance/world.hpp"

namespace fairlead::conformance {

/// Why a case was not run. Nothing else is ever skipped.
enum class Status {
  kPass,
  kFail,
  kSkip,
  kKnownFailure,  ///< failed, and the list of expected failures says so
  kNowPasses,     ///< passed although listed: the list is out of date, which fails the run
};

struct Outcome {
  Case test{};
  std::string version{};
  Status status = Status::kPass;
  std::string reason{};
  long milliseconds = 0;
};

struct Selection {
  std::vector<std::string> only{};  ///< ids; "B19" includes "B19.route"
  bool version_matrix = false;      ///< else only the newest version of each case
  unsigned jobs = 2;
};

/// Specification versions that each plugin names in its answer to VERSION. A delegate that comes from the
/// foreign directory counts with what that one speaks.
using Spoken = std::map<std::string, std::vector<std::string>>;

std::vector<Case> all_cases();
bool selected(const Case& test, const std::vector<std::string>& only);
std::vector<std::string> plugins_in(const std::string& directory);
Spoken spoken_versions(const Setup& setup);
/// Becomes root of a new user namespace when not root already. Throws Failure.
void enter_user_namespace();
std::vector<Outcome> run_cases(const Setup& setup, const Spoken& spoken, const Selection& selection);

}  // namespace fairlead::conformance
