// What is measured: an implementation's ADD and DEL of one attachment.
#pragma once

#include <memory>
#include <string>

#include "bench/support/measure.hpp"

namespace fairlead::bench {

/// One attachment to make or to remove.
struct Attachment {
  std::string container_id;
  std::string netns;
  int number = 0;  ///< unique on its host
};

/// One implementation on one simulated host, with one bridge network.
class Candidate {
 public:
  Candidate() = default;
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
  virtual ~Candidate() = default;

  /// Prepares what the first ADD finds on a host that has been up for a while.
  virtual void set_up() = 0;
  [[nodiscard]] virtual Sample add(const Attachment& attachment, Count count) = 0;
  /// Of the attachment that was added last.
  [[nodiscard]] virtual Sample del(const Attachment& attachment, Count count) = 0;
};

struct NetworkOptions {
  std::string name;
  bool masquerade = false;
};

/// `bridge` and `host-local` executables of a directory.
[[nodiscard]] std::unique_ptr<Candidate> plugin_candidate(const std::string& directory,
                                                          const NetworkOptions& network);
/// The bare C program.
[[nodiscard]] std::unique_ptr<Candidate> floor_candidate(const std::string& file, const std::string& ruleset,
                                                         const NetworkOptions& network);

}  // namespace fairlead::bench
