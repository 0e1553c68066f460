#include "nft/progress.hpp"

namespace fairlead::nft {

void Progress::record(const Planned& plan, std::size_t committed, OpStatus rest) {
  const bool whole = committed == plan.commands.size();
  for (std::size_t i = 0; i < status_.size(); ++i) {
    const std::size_t needed = plan.needs[i];
    if (whole || (needed != 0 && needed <= committed)) {
      status_[i] = OpStatus::kDone;
    } else if (needed != 0) {
      status_[i] = rest;
    }
  }
}

}  // namespace fairlead::nft
