#include "fairlead/link.hpp"

#include "plan/where.hpp"

namespace fairlead {

const char* to_string(Side side) { return side == Side::kHost ? "host" : "container"; }

std::string where(Side side) { return side == Side::kHost ? " on the host" : " in the container"; }

std::string place(const std::string& object, Side side) {
  return side == Side::kHost ? object : object + where(side);
}

std::string name_taken(Side side, const std::string& name) { return name + " exists already" + where(side); }

const char* kind_name(const LinkKind& kind) {
  if (std::holds_alternative<BridgeLink>(kind)) return "bridge";
  if (std::holds_alternative<VethLink>(kind)) return "veth";
  return "";
}

}  // namespace fairlead
