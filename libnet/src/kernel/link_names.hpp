// What one kernel object knows about link names of a namespace, so that a plan need not ask again.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "fairlead/ids.hpp"

namespace fairlead::kernel {

/// Names seen with their index, and names seen absent. Valid for one operation under its locks.
class LinkNames {
 public:
  void remember(const std::string& name, LinkIndex index) { names_[name] = index; }
  void remember_absent(const std::string& name) { names_[name] = std::nullopt; }
  void forget(const std::string& name) { names_.erase(name); }
  void clear() { names_.clear(); }

  [[nodiscard]] std::optional<LinkIndex> index_of(const std::string& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? std::nullopt : found->second;
  }
  [[nodiscard]] bool known_absent(const std::string& name) const {
    const auto found = names_.find(name);
    return found != names_.end() && !found->second;
  }

 private:
  std::map<std::string, std::optional<LinkIndex>> names_;
};

}  // namespace fairlead::kernel
