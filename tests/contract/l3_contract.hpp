// The contract of every Kernel: addresses and routes. Included and registered by kernel_contract.hpp.
#pragma once

#include <tuple>

#include "tests/contract/contract_fixture.hpp"

namespace fairlead::test {

TYPED_TEST_P(KernelContract, ListsTheAddressesOfOneLinkOnly) {
  this->attach_eth0();
  this->must({in_container(ChangeLink{existing_up("lo")})});
  EXPECT_THAT(this->addresses(Side::kContainer, "eth0"),
              ::testing::UnorderedElementsAre("10.1.0.2/24", "2001:db8:1::2/64"));
  EXPECT_THAT(this->addresses(Side::kHost, "veth0"), ::testing::IsEmpty());
}

TYPED_TEST_P(KernelContract, RefusesAnAddressThatIsThere) {
  this->attach_eth0();
  for (const char* text : {"10.1.0.2/24", "2001:db8:1::2/64"})
    this->refused(in_container(AddAddress{name_of("eth0"), {.address = iface(text)}}), EEXIST, Errc::kExists);
}

TYPED_TEST_P(KernelContract, RestoresARemovedAddressAsItWas) {
  this->must({on_host(CreateLink{bridge_spec("br0")})});
  const AddressAttributes labelled{.scope = 253,
                                   .label = "br0:old",
                                   .broadcast = ip("10.1.0.63"),
                                   .lifetime = AddressLifetime{.valid = 7200, .preferred = 3600},
                                   .no_prefix_route = true};
  const AddressAttributes far{.peer = ip("10.2.0.2")};
  const AddressAttributes leased{.lifetime = AddressLifetime{.valid = 7200, .preferred = 3600}};
  for (const auto& [address, attributes] : {std::pair("10.1.0.1/24", labelled), std::pair("10.2.0.1/32", far),
                                            std::pair("2001:db8:1::1/64", leased)}) {
    const auto states = [this, text = address] {
      std::vector<AddressState> found =
          *this->kernel().addresses(Side::kHost, this->index(Side::kHost, "br0"));
      std::erase_if(found, [text](const AddressState& state) { return state.address != iface(text); });
      return found;
    };
    this->must({on_host(AddAddress{name_of("br0"), {.address = iface(address), .attributes = attributes}})});
    const auto before = states();
    ASSERT_EQ(before.size(), 1U) << address;
    const Op removal = on_host(RemoveAddress{name_of("br0"), before[0].address, before[0].attributes});
    this->must({removal});
    EXPECT_TRUE(states().empty()) << address;
    this->must({*inverse(removal)});
    const auto after = states();
    ASSERT_EQ(after.size(), 1U) << address;
    AddressAttributes is = after[0].attributes;
    if (attributes.lifetime) {
      ASSERT_TRUE(is.lifetime.has_value()) << address;
      EXPECT_NEAR(is.lifetime->valid, 7200, 600);
      EXPECT_NEAR(is.lifetime->preferred, 3600, 600);
    }
    EXPECT_FALSE(after[0].tentative) << address << " is usable at once, as it was before";
    is.lifetime = before[0].attributes.lifetime;  // seconds may have passed
    EXPECT_EQ(is, before[0].attributes) << address;
    EXPECT_EQ(is.peer, attributes.peer);
    EXPECT_EQ(is.label, attributes.label.empty() ? before[0].attributes.label : attributes.label);
    EXPECT_EQ(is.scope, attributes.scope ? attributes.scope : before[0].attributes.scope);
    EXPECT_EQ(is.broadcast, attributes.broadcast ? attributes.broadcast : before[0].attributes.broadcast);
    EXPECT_EQ(is.no_prefix_route, attributes.no_prefix_route);
  }
}

TYPED_TEST_P(KernelContract, AddressOfAMissingLinkIsNotFound) {
  this->refused(in_container(AddAddress{name_of("eth0"), {.address = iface("10.1.0.2/24")}}), ENODEV,
                Errc::kNotFound);
  this->refused(in_container(RemoveAddress{name_of("eth0"), iface("10.1.0.2/24")}), ENODEV, Errc::kNotFound);
}

TYPED_TEST_P(KernelContract, WaitsForTheEndOfDuplicateAddressDetection) {
  this->must(
      {on_host(CreateLink{veth_spec("veth0", "eth0")}), in_container(ChangeLink{existing_up("eth0")}),
       in_container(AddAddress{name_of("eth0"), {.address = iface("2001:db8:1::2/64"), .nodad = false}}),
       in_container(AddAddress{name_of("eth0"), {.address = iface("2001:db8:1::3/64")}})});
  const LinkIndex eth0 = this->index(Side::kContainer, "eth0");
  const auto tentative = [&](const char* text) {
    for (const AddressState& is : *this->kernel().addresses(Side::kContainer, eth0)) {
      if (is.address == iface(text)) return is.tentative;
    }
    ADD_FAILURE() << text;
    return false;
  };
  EXPECT_TRUE(tentative("2001:db8:1::2/64"));
  EXPECT_FALSE(tentative("2001:db8:1::3/64"));
  const IfaceAddress both[] = {iface("2001:db8:1::3/64"), iface("2001:db8:1::2/64")};
  const auto settled = this->kernel().await_addresses(Side::kContainer, eth0, both);
  EXPECT_TRUE(settled) << settled.error().to_string();
  EXPECT_FALSE(tentative("2001:db8:1::2/64"));
  const IfaceAddress other[] = {iface("2001:db8:1::4/64")};
  EXPECT_EQ(this->kernel().await_addresses(Side::kContainer, eth0, other).error().code, Errc::kNotFound);
}

TYPED_TEST_P(KernelContract, RemovesAnAddressOnce) {
  this->attach_eth0();
  for (const char* text : {"10.1.0.2/24", "2001:db8:1::2/64"}) {
    this->must({in_container(RemoveAddress{name_of("eth0"), iface(text)})});
    this->refused(in_container(RemoveAddress{name_of("eth0"), iface(text)}), EADDRNOTAVAIL, Errc::kNotFound);
  }
  EXPECT_THAT(this->addresses(Side::kContainer, "eth0"), ::testing::IsEmpty());
}

TYPED_TEST_P(KernelContract, RefusesARouteThroughALinkThatIsDown) {
  this->must({on_host(CreateLink{veth_spec("veth0", "eth0")})});
  const auto outcome = this->apply_one(in_container(AddRoute{route_via("192.0.2.0/24", "eth0")}));
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(outcome.error && outcome.error->kernel);
  EXPECT_EQ(outcome.error->kernel->err, ENETDOWN);
}

TYPED_TEST_P(KernelContract, RefusesAGatewayThatIsNotReachable) {
  this->attach_eth0();
  const auto outcome = this->apply_one(in_container(AddRoute{route_via("0.0.0.0/0", "eth0", "192.0.2.1")}));
  EXPECT_EQ(outcome.status, OpStatus::kNotDone);
  ASSERT_TRUE(outcome.error && outcome.error->kernel);
  EXPECT_EQ(outcome.error->kernel->err, ENETUNREACH);
  RouteSpec onlink = route_via("0.0.0.0/0", "eth0", "192.0.2.1");
  onlink.hops[0].onlink = true;
  this->must({in_container(AddRoute{onlink})});
  const auto found = this->routes_to("0.0.0.0/0");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].hops[0].onlink);
}

TYPED_TEST_P(KernelContract, AddsARouteWithAllItsValues) {
  this->attach_eth0();
  for (const auto& [destination, gateway, source] :
       {std::tuple("198.51.100.0/24", "10.1.0.1", "10.1.0.2"),
        std::tuple("2001:db8:2::/64", "2001:db8:1::1", "2001:db8:1::2")}) {
    RouteSpec wanted = route_via(destination, "eth0", gateway);
    wanted.source = ip(source);
    wanted.priority = 77;
    wanted.mtu = 1400;
    wanted.advmss = 1300;
    this->must({in_container(AddRoute{wanted})});
    const auto found = this->routes_to(destination);
    ASSERT_EQ(found.size(), 1U) << destination;
    ASSERT_EQ(found[0].hops.size(), 1U);
    EXPECT_EQ(found[0].hops[0].gateway, ip(gateway));
    EXPECT_EQ(found[0].hops[0].index, this->index(Side::kContainer, "eth0"));
    EXPECT_EQ(found[0].source, wanted.source);
    EXPECT_EQ(found[0].priority, 77U);
    EXPECT_EQ(found[0].mtu, 1400U);
    EXPECT_EQ(found[0].advmss, 1300U);
    EXPECT_EQ(found[0].table, 254U);
    this->refused(in_container(AddRoute{wanted}), EEXIST, Errc::kExists);
    this->must({in_container(RemoveRoute{wanted})});
    EXPECT_THAT(this->routes_to(destination), ::testing::IsEmpty());
    this->refused(in_container(RemoveRoute{wanted}), ESRCH, Errc::kNotFound);
  }
}

TYPED_TEST_P(KernelContract, AddsEcmpRoutes) {
  this->attach_eth0();
  for (const auto& [destination, first, second] : {std::tuple("0.0.0.0/0", "10.1.0.1", "10.1.0.9"),
                                                   std::tuple("::/0", "2001:db8:1::1", "2001:db8:1::9")}) {
    RouteSpec wanted = route_via(destination, "eth0", first);
    wanted.hops.push_back(route_via(destination, "eth0", second).hops[0]);
    wanted.hops[1].weight = 3;
    this->must({in_container(AddRoute{wanted})});
    const auto found = this->routes_to(destination);
    ASSERT_EQ(found.size(), 1U) << destination;
    ASSERT_EQ(found[0].hops.size(), 2U) << destination;
    EXPECT_EQ(found[0].hops[0].gateway, ip(first));
    EXPECT_EQ(found[0].hops[0].weight, 1);
    EXPECT_EQ(found[0].hops[1].gateway, ip(second));
    EXPECT_EQ(found[0].hops[1].weight, 3);
    this->must({in_container(RemoveRoute{wanted})});
    EXPECT_THAT(this->routes_to(destination), ::testing::IsEmpty());
  }
}

TYPED_TEST_P(KernelContract, AppendsAHopToAnIpv6Route) {
  this->attach_eth0();
  RouteSpec more = route_via("2001:db8:2::/64", "eth0", "2001:db8:1::9");
  more.append = true;
  this->must({in_container(AddRoute{route_via("2001:db8:2::/64", "eth0", "2001:db8:1::1")}),
              in_container(AddRoute{more})});
  const auto found = this->routes_to("2001:db8:2::/64");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].hops.size(), 2U);
}

TYPED_TEST_P(KernelContract, FiltersRoutesByTableAndLink) {
  this->attach_eth0();
  EXPECT_THAT(this->routes_to("198.51.100.0/24", {.table = 1000}), ::testing::IsEmpty());
  RouteSpec wanted = route_via("198.51.100.0/24", "eth0", "10.1.0.1");
  wanted.table = 1000;
  this->must({in_container(AddRoute{wanted})});
  EXPECT_THAT(this->routes_to("198.51.100.0/24"), ::testing::IsEmpty());
  EXPECT_EQ(this->routes_to("198.51.100.0/24", {.table = 1000}).size(), 1U);
  EXPECT_EQ(this->routes_to("198.51.100.0/24", {.all_tables = true}).size(), 1U);
  const LinkIndex eth0 = this->index(Side::kContainer, "eth0");
  EXPECT_EQ(this->routes_to("198.51.100.0/24", {.link = eth0, .table = 1000}).size(), 1U);
  const LinkIndex lo = this->index(Side::kContainer, "lo");
  EXPECT_THAT(this->routes_to("198.51.100.0/24", {.link = lo, .all_tables = true}), ::testing::IsEmpty());
}

TYPED_TEST_P(KernelContract, ConnectedRoutesComeWithTheAddress) {
  this->attach_eth0();
  const auto connected = this->routes_to("10.1.0.0/24");
  ASSERT_EQ(connected.size(), 1U);
  EXPECT_EQ(connected[0].source, ip("10.1.0.2"));
  EXPECT_EQ(connected[0].scope, 253);
  EXPECT_EQ(this->routes_to("2001:db8:1::/64").size(), 1U);
}

}  // namespace fairlead::test
