// The stage: private namespaces, simulated hosts and containers.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace fairlead::bench {

/// Leaves the machine's namespaces: own network and mount namespace, tmpfs over /run, /var/lib and /var/log.
void enter_private_namespaces();

/// A network namespace bound to a path, as runtimes do. Its end takes everything in it away.
class Namespace {
 public:
  explicit Namespace(const std::string& name);
  Namespace(Namespace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;
  Namespace& operator=(Namespace&&) = delete;
  ~Namespace();
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Moves the calling thread into it: the children it starts run there.
  void enter() const;

 private:
  std::string path_;
};

/// Runs a program (ip, nft) for the preparation of a stage; ends the benchmark when it fails.
void prepare(const std::vector<std::string>& argv);

}  // namespace fairlead::bench
