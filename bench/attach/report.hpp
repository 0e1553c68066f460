// The numbers of a run against the aims of bench/README.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/support/measure.hpp"

namespace fairlead::bench {

struct Series {
  std::vector<Sample> timed{};
  std::vector<Sample> counted{};  ///< with system calls
};

/// One cell of the matrix.
struct Cell {
  std::string candidate;  ///< "ours", "reference", "floor"
  bool masquerade = false;
  int attached = 0;
  std::string verb;  ///< "ADD", "DEL"
  auto operator<=>(const Cell&) const = default;
};

using Results = std::map<Cell, Series>;

void print_results(const Results& results);
/// Prints the aims with what was reached; the number of those that were missed. One that nothing was
/// measured for is missed.
int print_aims(const Results& results);

}  // namespace fairlead::bench
