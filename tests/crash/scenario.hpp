// What is killed, and what has to put things right afterwards.
#pragma once

#include <string>
#include <vector>

#include "tests/conformance/snapshot.hpp"

namespace fairlead::crash {

/// A network to attach to; later plugins add rows to scenarios().
struct Scenario {
  const char* id;
  const char* name;
  /// The bridge and the tables exist already: then the state after equals the one before, exactly.
  bool warm;
  conformance::Json (*config)(const conformance::World&);
};
const std::vector<Scenario>& scenarios();

/// Who cleans up after the kill.
enum class Aftermath {
  kDelWithoutNetns,  ///< DEL, the namespace gone, no prevResult
  kAddAgain,         ///< ADD ("already attached" if the record says so, else it succeeds), then DEL
  kGc,               ///< GC with no valid attachment
};
inline constexpr Aftermath kAftermaths[] = {Aftermath::kDelWithoutNetns, Aftermath::kAddAgain,
                                            Aftermath::kGc};
const char* to_string(Aftermath aftermath);

/// The plugins fail without being killed: nothing can be said about any point.
class Unusable : public conformance::Failure {
 public:
  using Failure::Failure;
};

struct Point {
  const Scenario* scenario;
  const char* verb;  ///< "ADD" or "DEL"
  Aftermath aftermath;
  unsigned kill_at;
};

/// Runs one point in the calling process, which becomes its host. Throws conformance::Failure if the host is
/// not as before, Unusable if it did not come that far. Returns false if the program ended before its
/// `kill_at`-th system call.
bool run_point(const conformance::Setup& setup, const Point& point);

}  // namespace fairlead::crash
