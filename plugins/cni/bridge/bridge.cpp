#include "plugins/cni/bridge/bridge.hpp"

#include "plugins/cni/attachment.hpp"

namespace fairlead::cni {
namespace {

class BridgeDriver : public engine::Driver {
 public:
  explicit BridgeDriver(const engine::BridgeConfig& config) : config_(config) {}
  [[nodiscard]] Result<engine::AddressPlan> complete(engine::AddressPlan plan) const override {
    return engine::complete_bridge_addresses(config_, std::move(plan));
  }
  [[nodiscard]] engine::DesiredState desired(const engine::AttachmentNames& names,
                                             const engine::AddressPlan& plan) const override {
    return engine::bridge_desired(config_, names, plan);
  }

 private:
  const engine::BridgeConfig& config_;
};

Result<AddResult> add(const Request& request) {
  FAIRLEAD_TRY(const BridgePluginConfig config, bridge_config(request));
  FAIRLEAD_TRY(const engine::AttachmentContext context, attachment_context(request, config.mac));
  DelegatedAddresses addresses(request);
  FAIRLEAD_TRY(const engine::Attached attached,
               engine::attach(context, BridgeDriver(config.bridge), addresses));
  return result_of(request, attached, config.dns.empty() ? addresses.dns() : config.dns);
}

// DEL reads nothing of the configuration that ADD might have refused: whatever it says now, what is there
// goes.
Result<void> del(const Request& request) {
  FAIRLEAD_TRY(const engine::AttachmentContext context, attachment_context(request, std::nullopt));
  DelegatedAddresses addresses(request);
  return engine::detach(context, addresses, previous_mac(request));
}

Result<void> check(const Request& request) {
  FAIRLEAD_TRY(const BridgePluginConfig config, bridge_config(request));
  FAIRLEAD_TRY(const engine::KnownAttachment known, known_attachment(request));
  FAIRLEAD_TRY(const engine::AttachmentContext context, attachment_context(request, config.mac));
  DelegatedAddresses addresses(request);
  return engine::check(context, BridgeDriver(config.bridge), addresses, known);
}

/// ADD could not use a link of another kind under the bridge's name.
Result<void> status(const Request& request) {
  FAIRLEAD_TRY(const BridgePluginConfig config, bridge_config(request));
  FAIRLEAD_TRY(const engine::OpenedKernel opened, kernel_factory (*request.log)(""));
  FAIRLEAD_TRY(const std::optional<LinkState> link,
               opened.kernel->find_link(Side::kHost, config.bridge.bridge));
  if (link && link->kind != "bridge") {
    return fail(kNotAvailable, "bridge " + link->name + ": a link of that name exists and is no bridge",
                "rename or remove that link, or use another name for the bridge");
  }
  return common_status(request);
}

}  // namespace

const Plugin& bridge_plugin() {
  static const Plugin plugin{.type = "bridge",
                             .about = "Fairlead bridge: connects a container to a Linux bridge",
                             .known_args = {"MAC", "IP", "GATEWAY"},
                             .add = add,
                             .del = del,
                             .check = check,
                             .gc = collect_garbage,
                             .status = status};
  return plugin;
}

}  // namespace fairlead::cni
