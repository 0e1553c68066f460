// What the host looks like, and whether an attachment left something behind.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/conformance/world.hpp"

namespace fairlead::conformance {

/// Links, addresses, routes, rules, the nft ruleset with its elements, sysctls, and the files below /run and
/// /var/lib/cni, each as one line of text with what varies by itself (indices, handles, counters, timers,
/// carrier) left out. Read with ip(8) and nft(8), so with nothing of the plugins' code.
using Snapshot = std::map<std::string, std::string>;
Snapshot take_snapshot(const World& world);

/// What may stay after a DEL, and what may appear nowhere.
struct Residue {
  std::vector<std::string> shared_links{"cni0"};
  /// Container ids, addresses, host veth names: no remaining rule, element or file may mention one.
  std::vector<std::string> traces{};
};

/// Differences that are not excused: shared bridge with its addresses and routes, forwarding sysctls, nft
/// tables, chains, sets and rules that mention no container, directories. Empty if there are none.
std::string unexcused_differences(const Snapshot& before, const Snapshot& after, const Residue& residue);
/// Every difference.
std::string all_differences(const Snapshot& before, const Snapshot& after);

/// Ids, addresses and host interfaces of an attachment.
std::vector<std::string> traces_of(const Attachment& attachment, const Json& result);

struct Cycle {
  int number = 1;
  Attachment attachment{};
  Json result{};
};

/// The life of two attachments one after the other, each in a new namespace: ADD, `inspect`, CHECK where the
/// version has it, DEL. After the first the host equals the one before (but for `residue`), after the
/// second the one after the first.
void two_cycles(World& world, const Json& config, const std::function<void(const Cycle&)>& inspect,
                const Attachment& base = {}, Residue residue = {});

}  // namespace fairlead::conformance
