// NetlinkKernel: the running kernel behind the Kernel interface.
#pragma once

#include <memory>
#include <optional>

#include "fairlead/kernel.hpp"
#include "kernel/rtnl_group.hpp"
#include "kernel/rtnl_namespace.hpp"
#include "nft/nft_channel.hpp"

namespace fairlead::kernel {

class NetlinkKernel final : public Kernel {
 public:
  /// `opener` opens the rtnetlink sockets of both namespaces.
  NetlinkKernel(const Netns* container, const Logger& log,
                const RtnlNamespace::Opener& opener = nl::open_rtnetlink);
  /// Hands a nf_tables socket that deleted something to a child, since closing it blocks.
  ~NetlinkKernel() override;

  [[nodiscard]] bool has_container() const override { return container_.has_value(); }
  [[nodiscard]] Result<std::uint64_t> namespace_cookie(Side side) override;
  [[nodiscard]] Result<std::optional<LinkState>> find_link(Side side, const LinkName& name) override;
  [[nodiscard]] Result<std::optional<LinkState>> find_link(Side side, LinkIndex index) override;
  [[nodiscard]] Result<std::vector<LinkState>> links(Side side) override;
  [[nodiscard]] Result<std::vector<AddressState>> addresses(Side side, LinkIndex link) override;
  [[nodiscard]] Result<std::vector<RouteSpec>> routes(Side side, const RouteFilter& filter) override;
  [[nodiscard]] Result<std::optional<std::string>> sysctl(Side side, const std::string& key) override;
  [[nodiscard]] Result<std::vector<bool>> has_elements(std::span<const nft::Element> elements) override;
  [[nodiscard]] Result<std::vector<bool>> has_tables(std::span<const nft::TableSpec> tables) override;
  [[nodiscard]] Result<std::vector<nft::Element>> elements(const nft::SetRef& set) override;
  [[nodiscard]] Result<void> await_addresses(Side side, LinkIndex link,
                                             std::span<const IfaceAddress> addresses) override;
  [[nodiscard]] std::vector<OpOutcome> apply(std::span<const Op> ops) override;

  /// Opens the host's socket, so that open_kernel() and not the first query reports a failure.
  [[nodiscard]] Result<void> open();

 private:
  [[nodiscard]] Result<RtnlNamespace*> on(Side side);
  [[nodiscard]] Result<nft::Channel*> nft();
  [[nodiscard]] Result<int> netns_fd(Side side);
  [[nodiscard]] DeleteOutcome delete_link(RtnlNamespace& netns, LinkIndex index);

  [[nodiscard]] std::vector<OpOutcome> apply_group(Channel channel, std::span<const Op> ops);
  [[nodiscard]] std::vector<OpOutcome> apply_rtnetlink(Side side, std::span<const Op> ops);
  [[nodiscard]] std::vector<OpOutcome> apply_sysctls(Side side, std::span<const Op> ops);
  [[nodiscard]] std::vector<OpOutcome> apply_nft(std::span<const Op> ops);

  RtnlNamespace host_;
  std::optional<RtnlNamespace> container_;
  std::optional<Netns> host_netns_;  ///< opened where a veth's peer is to be born on the host
  std::optional<nft::Channel> nft_;
};

}  // namespace fairlead::kernel
