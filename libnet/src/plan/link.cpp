#include "fairlead/link.hpp"

#include <linux/if.h>

#include "plan/where.hpp"

namespace fairlead {

const char* to_string(Side side) { return side == Side::kHost ? "host" : "container"; }

std::string where(Side side) { return side == Side::kHost ? " on the host" : " in the container"; }

std::string place(const std::string& object, Side side) {
  return side == Side::kHost ? object : object + where(side);
}

std::string name_taken(Side side, const std::string& name) { return name + " exists already" + where(side); }

bool is_operational(const LinkState& link) {
  // Link watch takes "up" back a second after the carrier only (linkwatch_urgent_event).
  if (!link.lower_up) return false;
  if (link.operstate == kOperUp) return true;
  // A driver that reports no carrier (dummy) leaves it unknown for good; of a veth it is so only until link
  // watch looks for the first time.
  return link.operstate == IF_OPER_UNKNOWN && link.kind != "veth";
}

const char* kind_name(const LinkKind& kind) {
  if (std::holds_alternative<BridgeLink>(kind)) return "bridge";
  if (std::holds_alternative<VethLink>(kind)) return "veth";
  return "";
}

}  // namespace fairlead
