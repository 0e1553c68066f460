// One of the runtimes that call plugins at the same time: each has containers of its own and knows what they
// have to be like.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/conformance/world.hpp"

namespace fairlead::soak {

using conformance::Attachment;
using conformance::Json;
using conformance::World;

/// The containers of a host, by the worker that they belong to.
using Containers = std::vector<std::vector<std::string>>;

class Worker {
 public:
  Worker(World& world, const Containers& containers, std::size_t number, unsigned seed);
  /// Makes that many calls, each of a random verb for a random container, some of them killed at a random
  /// moment; then DEL for every container. Throws Failure at the first answer that is wrong.
  void run(unsigned calls);
  /// How often each verb was called, and "killed".
  [[nodiscard]] const std::map<std::string, unsigned>& tally() const { return tally_; }

 private:
  enum class Life {
    kDetached,
    kAttached,
    kUnknown,  ///< a call was killed: either, or half of it
  };
  struct Container {
    Attachment attachment{};
    Life life = Life::kDetached;
    Json result{};  ///< of the ADD that succeeded last, whatever has become of it
    bool has_netns = true;
  };
  struct Answer {
    bool killed = false;
    bool ok = false;
    int code = 0;  ///< of the error
    std::string text{};
  };

  void one_call();
  void add(Container& container);
  void del(Container& container, bool may_be_killed);
  void check(Container& container);
  void collect();
  void status();
  void lose_netns(Container& container);

  [[nodiscard]] Answer call(const char* verb, const Json& config, const Attachment& attachment,
                            bool may_be_killed = true);
  /// True once in `in` times.
  [[nodiscard]] bool by_chance(unsigned in);
  [[nodiscard]] unsigned below(unsigned limit);

  World& world_;
  const Containers& names_;
  std::size_t number_;
  std::mt19937 random_;
  Json config_;
  std::vector<Container> containers_;
  std::map<std::string, unsigned> tally_{};
};

/// The network that all workers attach to: dual stack, masqueraded.
[[nodiscard]] Json network(const World& world);

}  // namespace fairlead::soak
