#include "engine/drivers/bridge.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/attach/identity.hpp"

namespace fairlead::engine {
namespace {

LinkName name(const char* text) { return *LinkName::parse(text); }

AttachmentNames example_names() { return names_of(*Identity::make("net", "c1", name("eth0")), std::nullopt); }

AddressPlan dual_stack() {
  return {.addresses = {{.address = *IfaceAddress::parse("10.1.2.3/24")},
                        {.address = *IfaceAddress::parse("2001:db8::3/64")}},
          .routes = {}};
}

template <class T>
std::vector<T> items(const Desired& desired) {
  std::vector<T> found;
  for (const Want& want : desired) {
    if (const T* item = std::get_if<T>(&want.item)) found.push_back(*item);
  }
  return found;
}

TEST(BridgeDriver, TheGatewayIsTheFirstAddressOfTheSubnetUnlessIpamNamesOne) {
  const BridgeConfig config{.bridge = name("cni0"), .is_gateway = true};
  AddressPlan plan = dual_stack();
  plan.addresses[1].gateway = *IpAddress::parse("2001:db8::ffff");
  const AddressPlan complete = *complete_bridge_addresses(config, plan);
  EXPECT_EQ(complete.addresses[0].gateway, *IpAddress::parse("10.1.2.1"));
  EXPECT_EQ(complete.addresses[1].gateway, *IpAddress::parse("2001:db8::ffff"));
  EXPECT_TRUE(complete.routes.empty());
}

TEST(BridgeDriver, WithoutIsGatewayNothingIsAddedToWhatIpamGave) {
  EXPECT_EQ(*complete_bridge_addresses({.bridge = name("cni0")}, dual_stack()), dual_stack());
}

TEST(BridgeDriver, ASubnetWithoutRoomForAGatewayIsRefused) {
  const BridgeConfig config{.bridge = name("cni0"), .is_gateway = true};
  const AddressPlan plan{.addresses = {{.address = *IfaceAddress::parse("10.0.0.1/32")}}, .routes = {}};
  const auto complete = complete_bridge_addresses(config, plan);
  ASSERT_FALSE(complete);
  EXPECT_NE(complete.error().what.find("10.0.0.1/32"), std::string::npos);
}

TEST(BridgeDriver, DefaultGatewayAddsARoutePerFamilyThatHasNone) {
  const BridgeConfig config{.bridge = name("cni0"), .is_gateway = true, .is_default_gateway = true};
  AddressPlan plan = dual_stack();
  plan.routes = {{.destination = IpNetwork::any(IpFamily::kV4), .gateway = *IpAddress::parse("10.1.2.254")}};
  const AddressPlan complete = *complete_bridge_addresses(config, plan);
  ASSERT_EQ(complete.routes.size(), 2U);
  EXPECT_EQ(complete.routes[0].gateway, *IpAddress::parse("10.1.2.254"));
  EXPECT_EQ(complete.routes[1].destination, IpNetwork::any(IpFamily::kV6));
  EXPECT_EQ(complete.routes[1].gateway, *IpAddress::parse("2001:db8::1"));
}

TEST(BridgeDriver, TheHostForwardsOnlyTheFamiliesInUse) {
  const BridgeConfig config{.bridge = name("cni0"), .is_gateway = true};
  AddressPlan plan = dual_stack();
  plan.addresses.pop_back();
  const DesiredState state =
      bridge_desired(config, example_names(), *complete_bridge_addresses(config, plan));
  std::vector<std::string> keys;
  for (const WantSysctl& sysctl : items<WantSysctl>(state.shared)) keys.push_back(sysctl.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"net/ipv6/conf/cni0/accept_ra", "net/ipv4/ip_forward"}));
  // No IPv6 in use: nothing inside the container depends on IPv6 being there.
  EXPECT_TRUE(items<WantSysctl>(state.own).empty());
}

TEST(BridgeDriver, OneGatewayAddressPerSubnetHoweverManyAddresses) {
  const BridgeConfig config{.bridge = name("cni0"), .is_gateway = true, .force_address = true};
  AddressPlan plan{.addresses = {{.address = *IfaceAddress::parse("10.1.2.3/24")},
                                 {.address = *IfaceAddress::parse("10.1.2.4/24")}},
                   .routes = {}};
  const DesiredState state =
      bridge_desired(config, example_names(), *complete_bridge_addresses(config, plan));
  const auto addresses = items<WantAddress>(state.shared);
  ASSERT_EQ(addresses.size(), 1U);
  EXPECT_EQ(addresses[0].address.address, *IfaceAddress::parse("10.1.2.1/24"));
  EXPECT_EQ(addresses[0].conflict, AddressConflict::kReplace);
}

// The kind of a want that is one step of a container's way onto the network, or "".
std::string step_of(const Want& want, const AttachmentNames& names) {
  if (std::holds_alternative<WantAddress>(want.item)) return "address";
  if (std::holds_alternative<WantRoute>(want.item)) return "route";
  const auto* link = std::get_if<WantLink>(&want.item);
  if (link == nullptr) return "";
  if (want.side == Side::kHost) return link->operational && link->spec.name == names.host_link ? "port" : "";
  if (link->announce == names.container_mac) return "announcement";
  return link->spec.up.value_or(false) && link->spec.arp_notify.value_or(false) ? "up" : "";
}

// A probe of duplicate address detection or an announcement that is sent before the port forwards is lost.
TEST(BridgeDriver, AddressesComeWhenThePortForwardsAndAreAnnouncedAndRoutesComeLast) {
  const BridgeConfig config{.bridge = name("cni0"), .is_gateway = true, .is_default_gateway = true};
  const AddressPlan plan = *complete_bridge_addresses(config, dual_stack());
  std::string steps;
  for (const Want& want : bridge_desired(config, example_names(), plan).own) {
    const std::string step = step_of(want, example_names());
    if (!step.empty()) steps += step + " ";
  }
  EXPECT_EQ(steps, "up port address address announcement route route ");
}

TEST(BridgeDriver, WithoutAnAddressThereIsNothingToAnnounce) {
  for (const Want& want : bridge_desired({.bridge = name("cni0")}, example_names(), {}).own) {
    EXPECT_NE(step_of(want, example_names()), "announcement");
  }
}

TEST(BridgeDriver, PortOptionsAreThoseOfTheConfiguration) {
  const auto port_of = [](const BridgeConfig& config) {
    return std::get<WantLink>(bridge_desired(config, example_names(), {}).own[0].item).spec.port;
  };
  EXPECT_TRUE(port_of({.bridge = name("cni0")}).empty());
  EXPECT_EQ(port_of({.bridge = name("cni0"), .isolated = true}), (PortOptions{.isolated = true}));
  EXPECT_EQ(port_of({.bridge = name("cni0"), .hairpin = true}), (PortOptions{.hairpin = true}));
}

TEST(BridgeDriver, ADisabledInterfaceStaysDownAndEmpty) {
  const BridgeConfig config{.bridge = name("cni0"), .disable_container_interface = true};
  const DesiredState state = bridge_desired(config, example_names(), {});
  ASSERT_EQ(state.own.size(), 1U);
  EXPECT_TRUE(std::get<WantLink>(state.own[0].item).fresh);
}

TEST(BridgeDriver, MasqueradingIsElementsOwnedByTheAttachment) {
  BridgeConfig config{.bridge = name("cni0"), .is_gateway = true, .ip_masq = true};
  const AttachmentNames names = example_names();
  const AddressPlan plan = *complete_bridge_addresses(config, dual_stack());
  const auto elements = items<WantElements>(bridge_desired(config, names, plan).own);
  ASSERT_EQ(elements.size(), 1U);
  ASSERT_FALSE(elements[0].elements.empty());
  for (const nft::Element& element : elements[0].elements) EXPECT_EQ(element.comment, names.element_comment);
  config.ip_masq = false;
  EXPECT_TRUE(items<WantElements>(bridge_desired(config, names, plan).own).empty());
}

TEST(ContainerRoutes, AMissingGatewayIsTheFirstOfItsFamily) {
  AddressPlan plan = dual_stack();
  plan.addresses[0].gateway = *IpAddress::parse("10.1.2.1");
  plan.routes = {{.destination = *IpNetwork::parse("10.9.0.0/16")}};
  const auto routes = container_routes(plan, name("eth0"));
  ASSERT_EQ(routes.size(), 1U);
  EXPECT_EQ(routes[0].hops[0].gateway, *IpAddress::parse("10.1.2.1"));
}

TEST(ContainerRoutes, WithoutAnyGatewayARouteIsOnLink) {
  AddressPlan plan = dual_stack();
  plan.routes = {{.destination = *IpNetwork::parse("10.9.0.0/16")}};
  const auto routes = container_routes(plan, name("eth0"));
  EXPECT_FALSE(routes[0].hops[0].gateway);
  EXPECT_EQ(routes[0].scope, 253);
}

TEST(ContainerRoutes, ALinkScopeRouteGetsNoGateway) {
  AddressPlan plan = dual_stack();
  plan.addresses[0].gateway = *IpAddress::parse("10.1.2.1");
  plan.routes = {{.destination = *IpNetwork::parse("10.9.0.0/16"), .scope = 253}};
  EXPECT_FALSE(container_routes(plan, name("eth0"))[0].hops[0].gateway);
}

TEST(ContainerRoutes, EqualDestinationsBecomeOneMultipathRoute) {
  AddressPlan plan = dual_stack();
  const IpNetwork far = *IpNetwork::parse("10.9.0.0/16");
  plan.routes = {{.destination = far, .gateway = *IpAddress::parse("10.1.2.1")},
                 {.destination = far, .gateway = *IpAddress::parse("10.1.2.2")},
                 {.destination = far, .gateway = *IpAddress::parse("10.1.2.2")},
                 {.destination = far, .gateway = *IpAddress::parse("10.1.2.3"), .priority = 7}};
  const auto routes = container_routes(plan, name("eth0"));
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[0].hops.size(), 2U);
  EXPECT_EQ(routes[1].priority, 7U);
}

}  // namespace
}  // namespace fairlead::engine
