#include "tests/conformance/case.hpp"

namespace fairlead::conformance {
std::vector<Case> bridge_l3_cases() { return {}; }
}  // namespace fairlead::conformance
