#include "tests/conformance/case.hpp"

namespace fairlead::conformance {
std::vector<Case> static_cases() { return {}; }
}  // namespace fairlead::conformance
