#include "fairlead/link.hpp"

namespace fairlead {

const char* to_string(Side side) { return side == Side::kHost ? "host" : "container"; }

const char* kind_name(const LinkKind& kind) {
  if (std::holds_alternative<BridgeLink>(kind)) return "bridge";
  if (std::holds_alternative<VethLink>(kind)) return "veth";
  return "";
}

}  // namespace fairlead
