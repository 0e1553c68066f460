// Between the CNI request and the engine: what every interface plugin needs, whatever its driver.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/attach/attach.hpp"
#include "plugins/cni/delegate.hpp"
#include "plugins/cni/plugin.hpp"

namespace fairlead::cni {

/// Addresses from the IPAM plugin that the configuration names; none if it names none.
class DelegatedAddresses : public engine::AddressSource {
 public:
  explicit DelegatedAddresses(const Request& request) : request_(request) {}
  [[nodiscard]] Result<engine::AddressPlan> acquire(int lock_fd) override;
  [[nodiscard]] Result<void> release() override;
  [[nodiscard]] Result<void> check() override;

  /// The `dns` of the IPAM result, after acquire().
  [[nodiscard]] const Dns& dns() const { return dns_; }

 private:
  const Request& request_;
  Dns dns_;
};

/// GC and STATUS of the IPAM plugin, if there is one.
[[nodiscard]] Result<void> call_ipam(Verb verb, const Request& request);

/// The engine's view of the call. `mac` is the configured MAC of the container's interface.
[[nodiscard]] Result<engine::AttachmentContext> attachment_context(const Request& request,
                                                                   const std::optional<MacAddress>& mac);
/// A kernel for the host and the namespace at a path; a path that cannot be opened is code 8.
[[nodiscard]] engine::KernelFactory kernel_factory(const Logger& log);

/// What prevResult says about the container's interface. kInvalidConfig without prevResult.
[[nodiscard]] Result<engine::KnownAttachment> known_attachment(const Request& request);
/// The MAC that prevResult gives CNI_IFNAME inside a sandbox.
[[nodiscard]] std::optional<MacAddress> previous_mac(const Request& request);

/// The result of an ADD: the host's links in order, then the container's, which holds the addresses.
[[nodiscard]] AddResult result_of(const Request& request, const engine::Attached& attached, const Dns& dns);

/// GC of an interface plugin: attachments of the network that are not valid, then the IPAM plugin's part.
[[nodiscard]] Result<void> collect_garbage(const Request& request);
/// STATUS of what all interface plugins need: a run directory that can be written, IPAM that can serve.
[[nodiscard]] Result<void> common_status(const Request& request);

}  // namespace fairlead::cni
