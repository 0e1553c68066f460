#include "kernel/netlink_kernel.hpp"

#include <algorithm>
#include <array>

#include "fairlead/deadline.hpp"
#include "kernel/await_addresses.hpp"
#include "kernel/delete_link.hpp"
#include "kernel/op_error.hpp"
#include "sys/async_delete.hpp"
#include "sys/kernel_release.hpp"
#include "sys/legacy_iptables.hpp"
#include "sys/sysctl.hpp"

namespace fairlead::kernel {

namespace {

/// Outcomes of a group whose first op failed before anything was sent.
std::vector<OpOutcome> none_done(std::span<const Op> ops, Error error) {
  std::vector<OpOutcome> outcomes(ops.size());
  outcomes.front().error = op_error(ops.front(), std::move(error));
  return outcomes;
}

bool all_done(const std::vector<OpOutcome>& outcomes) {
  return std::all_of(outcomes.begin(), outcomes.end(),
                     [](const OpOutcome& outcome) { return outcome.status == OpStatus::kDone; });
}

}  // namespace

NetlinkKernel::NetlinkKernel(const Netns* container, const Logger& log, const RtnlNamespace::Opener& opener)
    : host_(Side::kHost, nullptr, log, opener) {
  if (container != nullptr) container_.emplace(Side::kContainer, container, log, opener);
}

NetlinkKernel::~NetlinkKernel() {
  if (!nft_ || !nft_->deleted()) return;
  const std::array<int, 1> hold{nft_->fd()};
  // Without a child the close below blocks, which is slow but right.
  (void)sys::start_async_delete({.hold = hold});
}

Result<void> NetlinkKernel::open() {
  FAIRLEAD_CHECK(host_.client());
  return {};
}

// Queries ------------------------------------------------------------------------------------------------

Result<RtnlNamespace*> NetlinkKernel::on(Side side) {
  if (side == Side::kHost) return &host_;
  if (!container_) return Unexpected(Errc::kNotFound, "there is no container namespace");
  return &*container_;
}

Result<std::uint64_t> NetlinkKernel::namespace_cookie(Side side) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  return netns->cookie();
}

Result<std::optional<LinkState>> NetlinkKernel::find_link(Side side, const LinkName& name) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  return netns->find_link(LinkTarget(name));
}

Result<std::optional<LinkState>> NetlinkKernel::find_link(Side side, LinkIndex index) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  return netns->find_link(LinkTarget(index));
}

Result<std::vector<LinkState>> NetlinkKernel::links(Side side) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  return netns->links();
}

Result<std::vector<AddressState>> NetlinkKernel::addresses(Side side, LinkIndex link) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  return netns->addresses(link);
}

Result<void> NetlinkKernel::await_addresses(Side side, LinkIndex link,
                                            std::span<const IfaceAddress> addresses) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  return kernel::await_addresses(*netns, link, addresses);
}

Result<std::vector<RouteSpec>> NetlinkKernel::routes(Side side, const RouteFilter& filter) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  return netns->routes(filter);
}

Result<std::optional<std::string>> NetlinkKernel::sysctl(Side side, const std::string& key) {
  FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
  std::optional<std::string> value;
  FAIRLEAD_CHECK(netns->run([&]() -> Result<void> {
    FAIRLEAD_TRY(value, sys::read_sysctl(key));
    return {};
  }));
  return value;
}

Result<nft::Channel*> NetlinkKernel::nft() {
  if (!nft_) {
    FAIRLEAD_TRY(auto channel, nft::Channel::open());
    nft_.emplace(std::move(channel));
  }
  return &*nft_;
}

Result<std::vector<bool>> NetlinkKernel::has_elements(std::span<const nft::Element> elements) {
  FAIRLEAD_TRY(nft::Channel* const channel, nft());
  return channel->has_elements(elements);
}

Result<std::vector<bool>> NetlinkKernel::has_tables(std::span<const nft::TableSpec> tables) {
  FAIRLEAD_TRY(nft::Channel* const channel, nft());
  return channel->has_tables(tables);
}

Result<std::vector<nft::Element>> NetlinkKernel::elements(const nft::SetRef& set) {
  FAIRLEAD_TRY(nft::Channel* const channel, nft());
  return channel->elements(set);
}

Result<bool> NetlinkKernel::has_legacy_chain(IpFamily family, const std::string& table,
                                             const std::string& chain) {
  return sys::has_legacy_chain(family, table, chain);
}

// Changes ------------------------------------------------------------------------------------------------

std::vector<OpOutcome> NetlinkKernel::apply(std::span<const Op> ops) {
  std::vector<OpOutcome> outcomes;
  outcomes.reserve(ops.size());
  for (std::size_t first = 0; first < ops.size();) {
    const Channel channel = channel_of(ops[first]);
    std::size_t last = first + 1;
    while (last < ops.size() && channel_of(ops[last]) == channel) ++last;
    auto group = apply_group(channel, ops.subspan(first, last - first));
    const bool done = all_done(group);
    std::move(group.begin(), group.end(), std::back_inserter(outcomes));
    if (!done) break;
    first = last;
  }
  outcomes.resize(ops.size());
  return outcomes;
}

std::vector<OpOutcome> NetlinkKernel::apply_group(Channel channel, std::span<const Op> ops) {
  if (Deadline::passed()) return none_done(ops, {.code = Errc::kTimeout, .what = "the deadline has passed"});
  switch (channel) {
    case Channel::kHostRtnetlink:
      return apply_rtnetlink(Side::kHost, ops);
    case Channel::kContainerRtnetlink:
      return apply_rtnetlink(Side::kContainer, ops);
    case Channel::kHostSysctl:
      return apply_sysctls(Side::kHost, ops);
    case Channel::kContainerSysctl:
      return apply_sysctls(Side::kContainer, ops);
    case Channel::kNft:
      break;
  }
  return apply_nft(ops);
}

std::vector<OpOutcome> NetlinkKernel::apply_rtnetlink(Side side, std::span<const Op> ops) {
  auto own = on(side);
  if (!own) return none_done(ops, std::move(own).error());
  const Side other_side = side == Side::kHost ? Side::kContainer : Side::kHost;
  auto other = on(other_side);
  GroupContext context{
      .own = *own,
      .other = other ? *other : nullptr,
      .other_netns_fd = [this, other_side] { return netns_fd(other_side); },
      .delete_link = [this](RtnlNamespace& netns, LinkIndex index) { return delete_link(netns, index); },
      .echoes = sys::echoes_new_links()};
  return RtnlGroup(std::move(context), ops).run();
}

Result<int> NetlinkKernel::netns_fd(Side side) {
  if (side == Side::kContainer) {
    FAIRLEAD_TRY(RtnlNamespace* const netns, on(side));
    return netns->netns()->fd();
  }
  if (!host_netns_) {
    FAIRLEAD_TRY(auto current, Netns::current());
    host_netns_.emplace(std::move(current));
  }
  return host_netns_->fd();
}

/// One child serves the deletion and a nf_tables socket that deleted something; our copy of that socket is
/// then closed at no cost, and the next use opens another.
DeleteOutcome NetlinkKernel::delete_link(RtnlNamespace& netns, LinkIndex index) {
  if (!nft_ || !nft_->deleted()) return kernel::delete_link(netns, index, {});
  const std::array<int, 1> hold{nft_->fd()};
  DeleteOutcome outcome = kernel::delete_link(netns, index, hold);
  nft_.reset();
  return outcome;
}

std::vector<OpOutcome> NetlinkKernel::apply_sysctls(Side side, std::span<const Op> ops) {
  auto netns = on(side);
  if (!netns) return none_done(ops, std::move(netns).error());
  std::vector<OpOutcome> outcomes(ops.size());
  auto entered = (*netns)->run([&]() -> Result<void> {
    for (std::size_t i = 0; i < ops.size(); ++i) {
      const auto& action = std::get<SetSysctl>(ops[i].action);
      auto written = sys::write_sysctl(action.key, action.value);
      const bool may_be_missing = action.optional && !written && written.error().code == Errc::kNotFound;
      if (!written && action.courtesy) {
        (*netns)->log().info("FL1102", op_error(ops[i], std::move(written).error()).to_string());
      } else if (!written && !may_be_missing) {
        outcomes[i].error = op_error(ops[i], std::move(written).error());
        break;
      }
      outcomes[i].status = OpStatus::kDone;
    }
    return {};
  });
  if (!entered) return none_done(ops, std::move(entered).error());
  return outcomes;
}

std::vector<OpOutcome> NetlinkKernel::apply_nft(std::span<const Op> ops) {
  auto channel = nft();
  if (!channel) return none_done(ops, std::move(channel).error());
  return (*channel)->apply(ops);
}

}  // namespace fairlead::kernel

namespace fairlead {

Result<std::unique_ptr<Kernel>> open_kernel(const Netns* container, const Logger& log) {
  auto kernel = std::make_unique<kernel::NetlinkKernel>(container, log);
  FAIRLEAD_CHECK(kernel->open());
  return std::unique_ptr<Kernel>(std::move(kernel));
}

}  // namespace fairlead
