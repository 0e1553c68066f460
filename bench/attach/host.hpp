// The stage: private namespaces, simulated hosts and containers.
#pragma once

#include <string>
#include <vector>

namespace fairlead::bench {

/// Leaves the machine's namespaces: own network and mount namespace, tmpfs over /run and /var/lib/cni.
void enter_private_namespaces();

/// A network namespace bound to a path, as runtimes do; lives as long as the process.
class Namespace {
 public:
  explicit Namespace(const std::string& name);
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Moves the calling thread into it: the children it starts run there.
  void enter() const;

 private:
  std::string path_;
};

/// Runs a program (ip, nft) for the preparation of a stage; ends the benchmark when it fails.
void prepare(const std::vector<std::string>& argv);

}  // namespace fairlead::bench
