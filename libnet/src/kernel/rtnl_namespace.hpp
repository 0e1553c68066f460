// One of the two namespaces of a NetlinkKernel: its rtnetlink socket, and queries on it.
#pragma once

#include <memory>
#include <vector>

#include "fairlead/address.hpp"
#include "fairlead/link.hpp"
#include "fairlead/log.hpp"
#include "fairlead/netns.hpp"
#include "fairlead/route.hpp"
#include "kernel/link_codec.hpp"
#include "kernel/link_names.hpp"
#include "nl/client.hpp"

namespace fairlead::kernel {

/// Opens its socket when it is first needed; for a container that takes a throw-away thread. Not
/// thread-safe.
class RtnlNamespace {
 public:
  /// Opens a socket in the calling thread's namespace.
  using Opener = std::function<Result<std::unique_ptr<nl::Transport>>()>;

  /// `netns` outlives the object; nullptr: the calling thread's namespace.
  RtnlNamespace(Side side, const Netns* netns, Logger log, Opener opener = nl::open_rtnetlink)
      : side_(side), netns_(netns), log_(std::move(log)), opener_(std::move(opener)) {}

  [[nodiscard]] Side side() const { return side_; }
  [[nodiscard]] const Netns* netns() const { return netns_; }
  [[nodiscard]] Result<nl::Client*> client();
  /// Another socket of this namespace.
  [[nodiscard]] Result<std::unique_ptr<nl::Transport>> open_socket() const;
  /// Another socket, which is told what happens to the objects of a group (RTNLGRP_*).
  [[nodiscard]] Result<std::unique_ptr<nl::Transport>> open_subscribed(int group) const;
  /// Runs `work` in the namespace: at once where that is the caller's, else on a throw-away thread.
  [[nodiscard]] Result<void> run(const std::function<Result<void>()>& work) const;

  [[nodiscard]] Result<std::uint64_t> cookie();
  [[nodiscard]] Result<std::optional<LinkState>> find_link(const LinkTarget& target);
  [[nodiscard]] Result<std::vector<LinkState>> links();
  [[nodiscard]] Result<std::vector<AddressState>> addresses(LinkIndex link);
  [[nodiscard]] Result<std::vector<RouteSpec>> routes(const RouteFilter& filter);

  [[nodiscard]] LinkNames& names() { return names_; }
  [[nodiscard]] const Logger& log() const { return log_; }
  /// Where a client of this namespace sends its trace; empty unless the logger wants it.
  [[nodiscard]] nl::Client::Trace trace() const;

 private:
  Side side_;
  const Netns* netns_;
  Logger log_;
  Opener opener_;
  std::unique_ptr<nl::Client> client_;
  LinkNames names_;
};

}  // namespace fairlead::kernel
