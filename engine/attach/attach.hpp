// One attachment from its beginning to its end: the order of steps, the record, the locks, the rollback.
// Every protocol (CNI, Docker, C ABI) is a front of these four functions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/attach/identity.hpp"
#include "engine/attach/record.hpp"
#include "engine/drivers/driver.hpp"
#include "fairlead/kernel.hpp"

namespace fairlead::engine {

/// Where an attachment's addresses come from. Called under the attachment's lock only.
class AddressSource {
 public:
  AddressSource() = default;
  AddressSource(const AddressSource&) = delete;
  AddressSource& operator=(const AddressSource&) = delete;
  virtual ~AddressSource() = default;
  /// Reserves addresses; a failure reserves nothing. A process that is started for this keeps `lock_fd`, the
  /// attachment's lock, open: should it outlive us, DEL waits for its end instead of finding nothing yet.
  [[nodiscard]] virtual Result<AddressPlan> acquire(int lock_fd) = 0;
  /// Gives back whatever this attachment holds; success when it holds nothing.
  [[nodiscard]] virtual Result<void> release() = 0;
  /// Whether the reservation is still there.
  [[nodiscard]] virtual Result<void> check() = 0;
};

/// A driver with its configuration.
class Driver {
 public:
  Driver() = default;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  virtual ~Driver() = default;
  /// Completes what IPAM gave (gateways, default routes); pure.
  [[nodiscard]] virtual Result<AddressPlan> complete(AddressPlan plan) const = 0;
  /// What the attachment needs; pure.
  [[nodiscard]] virtual DesiredState desired(const AttachmentNames& names, const AddressPlan& plan) const = 0;
};

/// A kernel and the namespace handle that it uses.
struct OpenedKernel {
  std::unique_ptr<Netns> container{};  ///< kept open for the life of `kernel`
  std::unique_ptr<Kernel> kernel;
};
/// Opens the host and, for a path that is not empty, the container's namespace.
using KernelFactory = std::function<Result<OpenedKernel>(const std::string& netns_path)>;
/// The running kernel.
[[nodiscard]] KernelFactory running_kernel(const Logger& log);

/// Everything that one call is about.
struct AttachmentContext {
  Identity identity;
  std::string netns_path{};         ///< may be empty for detach
  std::string plugin;               ///< section type, e.g. "bridge"
  std::string section_key;          ///< plugin + ":" + digest of its configuration
  std::optional<MacAddress> mac{};  ///< of the container's interface, if configured
  std::string run_dir;
  KernelFactory open_kernel;
  const Logger* log;
};

/// Bytes; of an Ethernet link that is made without IFLA_MTU (ether_setup(), net/ethernet/eth.c).
inline constexpr std::uint32_t kEtherMtu = 1500;
/// A link of the host as attach leaves it.
struct HostLink {
  std::string name;
  std::optional<MacAddress> mac{};
  std::uint32_t mtu = 0;  ///< bytes
};

/// What attach made.
struct Attached {
  AttachmentNames names;
  AddressPlan addresses;
  std::vector<HostLink> host_links;  ///< the host's links of the desired state, in its order
};

/// Creates the attachment. On failure the host is as before, apart from shared infrastructure.
/// kExists (protocol_code 101): it is attached already; remains of a crash are undone first.
[[nodiscard]] Result<Attached> attach(const AttachmentContext& context, const Driver& driver,
                                      AddressSource& source);

/// Removes the attachment and goes on past errors. Success if there is nothing left to remove: no record,
/// no namespace, another boot. `known_mac`: of the container's interface, as the runtime was told. Without a
/// record it tells the interface of an attachment that another program made from that of a later container.
[[nodiscard]] Result<void> detach(const AttachmentContext& context, AddressSource& source,
                                  const std::optional<MacAddress>& known_mac = {});

/// What a caller knows about an attachment from elsewhere (CNI: prevResult).
struct KnownAttachment {
  // Of the container's interface; a chained plugin may have changed them.
  std::optional<MacAddress> mac{};
  std::optional<std::uint32_t> mtu{};
  AddressPlan addresses{};  ///< in place of a record; empty: not known. A record must agree
};
/// Compares the attachment with the kernel; an error lists every difference.
[[nodiscard]] Result<void> check(const AttachmentContext& context, const Driver& driver,
                                 AddressSource& source, const KnownAttachment& known);

/// Identifies an attachment within a network.
struct AttachmentName {
  std::string container_id;
  std::string ifname;
  friend auto operator<=>(const AttachmentName&, const AttachmentName&) = default;
};

/// What collect works on.
struct CollectContext {
  std::string network;
  std::string plugin;
  std::string run_dir;
  KernelFactory open_kernel;
  const Logger* log;
  /// When it was found out who is valid, by the clock of files: of who was attached since, nobody knows.
  std::optional<FileTime> judged_at{};
};
/// What collect leaves.
struct Collected {
  /// Not valid, but in use by another call at this moment, attached since, or not removed: their addresses
  /// are taken.
  std::set<AttachmentName> spared{};
  std::optional<Error> failure{};  ///< of what could not be removed
};
/// Removes every attachment of the network that is not in `valid`, not in use by another call at this moment,
/// and of which no record was written since `judged_at`: records, links and nft elements. Addresses are the
/// IPAM plugin's own collection, which has to spare the same: after an error nobody knows whom, so it must
/// not follow.
[[nodiscard]] Result<Collected> collect(const CollectContext& context, const std::set<AttachmentName>& valid);

/// Who has a record of this plugin at this moment. An attachment has one before it has an address, and for as
/// long as it has one.
[[nodiscard]] Result<std::set<AttachmentName>> recorded(const CollectContext& context);

}  // namespace fairlead::engine
