#include "engine/drivers/loopback.hpp"

namespace fairlead::engine {

LinkName loopback_link() { return *LinkName::parse("lo"); }

Desired loopback_desired(bool up) {
  return {Want{.side = Side::kContainer,
               .shared = false,
               .item = WantLink{.spec = {.name = loopback_link(), .kind = ExistingLink{}, .up = up}}}};
}

}  // namespace fairlead::engine
