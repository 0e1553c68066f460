// What became of each op over the attempts of one Channel::apply(): pure, so that every case is a unit test.
#pragma once

#include <cstddef>
#include <vector>

#include "nft/decide.hpp"

namespace fairlead::nft {

/// The status of each op, attempt by attempt. The undo takes back what is done or unknown, so an op that
/// found its element there already must not count as done when its transaction failed: the element would
/// go although this plan did not add it.
class Progress {
 public:
  explicit Progress(std::size_t ops) : status_(ops, OpStatus::kNotDone) {}

  /// An attempt committed the first `committed` commands of `plan`; `rest` is what became of the others.
  /// What an earlier attempt committed stays done, unless this one found that it is needed again.
  void record(const Planned& plan, std::size_t committed, OpStatus rest);

  [[nodiscard]] const std::vector<OpStatus>& statuses() const { return status_; }

 private:
  std::vector<OpStatus> status_;
};

}  // namespace fairlead::nft
