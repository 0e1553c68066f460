#include "fairlead/op.hpp"

#include <gtest/gtest.h>

#include "tests/unit/plan/wants.hpp"

namespace fairlead {
namespace {

using namespace test;

nft::Element masq_element() {
  return {.set = {.table = "fairlead", .set = "masq4"},
          .key = {'c', 'n', 'i', '0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 1, 2, 3},
          .comment = "net/c1/eth0"};
}

TEST(Describe, NamesTheObjectForASentenceOfItsOwn) {
  const std::pair<Op, const char*> cases[] = {
      {host(CreateLink{veth_spec("veth1", "eth0")}), "veth veth1 (peer eth0 in the container)"},
      {inside(ChangeLink{existing_spec("eth0")}), "eth0 in the container"},
      {host(DeleteLink{name("veth1")}), "link veth1"},
      {inside(AddAddress{name("eth0"), {iface("10.1.2.3/24")}}),
       "address 10.1.2.3/24 of eth0 in the container"},
      {host(RemoveAddress{name("cni0"), iface("fd00::1/64")}), "address fd00::1/64 of cni0"},
      {inside(AddRoute{default_route("fd00::1", "eth0")}),
       "route default via fd00::1 dev eth0 in the container"},
      {host(SetSysctl{"net/ipv4/ip_forward", "1", "0"}), "net/ipv4/ip_forward"},
      {host(EnsureTable{{.name = "fairlead"}}), "table inet fairlead"},
      {host(AddElement{masq_element()}), "element cni0 . 10.1.2.3 of inet fairlead masq4 (net/c1/eth0)"},
      {host(RemoveElement{masq_element()}), "element cni0 . 10.1.2.3 of inet fairlead masq4 (net/c1/eth0)"},
  };
  for (const auto& [op, text] : cases) EXPECT_EQ(describe_object(op), text);
}

TEST(Describe, SaysWhatAnOperatorWouldType) {
  LinkSpec change = existing_spec("eth0");
  change.mtu = mtu(1450);
  change.mac = mac("02:00:00:00:00:01");
  change.up = true;
  LinkSpec port = existing_spec("veth1");
  port.master = name("cni0");
  port.port = {.hairpin = true, .isolated = false};
  port.promisc = false;
  port.alias = "fairlead n/c/i";
  LinkSpec tagged = existing_spec("cni0");
  tagged.kind = BridgeLink{.vlan_filtering = true, .vlan_default_pvid = 7};
  tagged.alias = "x\nERROR";
  RouteSpec full = default_route("10.1.2.1", "eth0");
  full.table = 100;
  full.priority = 50;
  full.mtu = 1400;
  full.advmss = 1360;
  full.source = ip("10.1.2.3");
  full.hops[0].onlink = true;
  RouteSpec ecmp{.destination = net("10.9.0.0/16"),
                 .hops = {{.gateway = ip("10.1.2.1"), .link = name("eth0")},
                          {.gateway = ip("10.1.2.2"), .index = LinkIndex{7}, .weight = 3}}};
  RouteSpec on_link{.destination = net("0.0.0.0/0"), .hops = {{.link = name("eth0")}}, .scope = 253};
  const std::pair<Op, const char*> cases[] = {
      {host(CreateLink{bridge_spec("cni0")}), "create bridge cni0"},
      {host(CreateLink{veth_spec("veth1", "eth0")}), "create veth veth1 (peer eth0 in the container)"},
      {inside(CreateLink{
           {.name = name("eth0"), .kind = VethLink{{.side = Side::kHost, .name = name("veth1")}}}}),
       "create veth eth0 in the container (peer veth1 on the host)"},
      {host(CreateLink{{.name = name("a"), .kind = VethLink{{.side = Side::kHost, .name = name("b")}}}}),
       "create veth a (peer b)"},
      {inside(ChangeLink{change}), "set eth0 in the container: mac 02:00:00:00:00:01, mtu 1450, up"},
      {host(ChangeLink{port}),
       "set veth1: master cni0, hairpin on, isolated off, promisc off, alias 'fairlead n/c/i'"},
      {host(ChangeLink{tagged}), "set cni0: vlan_filtering on, vlan_default_pvid 7, alias 'x\\x0aERROR'"},
      {host(DeleteLink{name("veth1")}), "delete link veth1"},
      {inside(AddAddress{name("eth0"), {iface("10.1.2.3/24")}}),
       "add address 10.1.2.3/24 to eth0 in the container"},
      {host(RemoveAddress{name("cni0"), iface("fd00::1/64")}), "remove address fd00::1/64 from cni0"},
      {inside(AddRoute{default_route("fd00::1", "eth0")}),
       "add route default via fd00::1 dev eth0 in the container"},
      {inside(AddRoute{full}),
       "add route default via 10.1.2.1 dev eth0 onlink src 10.1.2.3 table 100 metric 50 mtu 1400 advmss 1360 "
       "in "
       "the container"},
      {host(AddRoute{ecmp}),
       "add route 10.9.0.0/16 nexthop via 10.1.2.1 dev eth0 weight 1 nexthop via 10.1.2.2 dev #7 weight 3"},
      {host(RemoveRoute{on_link}), "remove route 0.0.0.0/0 dev eth0 scope 253"},
      {host(SetSysctl{.key = "net/ipv4/ip_forward", .value = "1", .previous = "0"}),
       "set net/ipv4/ip_forward to 1"},
      {host(EnsureTable{{.name = "fairlead"}}), "ensure table inet fairlead"},
      {host(AddElement{masq_element()}), "add element cni0 . 10.1.2.3 to inet fairlead masq4 (net/c1/eth0)"},
      {host(
           RemoveElement{{.set = {.family = nft::Family::kBridge, .table = "t", .set = "s"}, .key = {1, 2}}}),
       "remove element 0x0102 from bridge t s"},
      {host(AddElement{{.set = {.table = "t", .set = "masq_exempt6"},
                        .key = nft::KeyBuilder().address(ip("fd00::3")).ifname(name("cni0")).take()}}),
       "add element fd00::3 . cni0 to inet t masq_exempt6"},
      {host(AddElement{{.set = {.table = "t", .set = "ports4"}, .key = {1, 2}}}),
       "add element 0x0102 to inet t ports4"},
      {host(AddElement{{.set = {.table = "t", .set = "marks"}, .key = {1, 2, 3, 4, 5, 6, 7, 8}}}),
       "add element 0x01020304 . 0x05060708 to inet t marks"},
  };
  for (const auto& [op, text] : cases) EXPECT_EQ(describe(op), text);
}

// An error names the element by what an operator looks for: the address of the container.
TEST(Describe, PrintsTheAddressInTheKeyOfASetWhoseNameSaysItsFamily) {
  const auto text = [](const char* set, nft::Bytes key) {
    return describe(host(AddElement{{.set = {.table = "t", .set = set}, .key = std::move(key)}}));
  };
  const auto build = [] { return nft::KeyBuilder(); };
  const IpAddress v4 = ip("10.1.2.3"), v6 = ip("fd00::3"), letters = ip("97.98.99.100");
  const LinkName cni0 = name("cni0");
  EXPECT_EQ(text("s4", build().address(v4).take()), "add element 10.1.2.3 to inet t s4");
  EXPECT_EQ(text("s6", build().ifname(cni0).address(v6).take()), "add element cni0 . fd00::3 to inet t s6");
  EXPECT_EQ(text("s4", build().address(v4).ifname(cni0).take()), "add element 10.1.2.3 . cni0 to inet t s4");
  EXPECT_EQ(text("s6", build().address(v6).ifname(cni0).take()), "add element fd00::3 . cni0 to inet t s6");
  // Bytes that read as letters do not make the address a part of the link's name.
  EXPECT_EQ(text("s4", build().address(letters).ifname(cni0).take()),
            "add element 97.98.99.100 . cni0 to inet t s4");
  EXPECT_EQ(text("s4", build().ifname(name("e")).address(v4).take()),
            "add element e . 10.1.2.3 to inet t s4");
  EXPECT_EQ(text("s4", build().ifname(name("abcdefghijklmno")).address(v4).take()),
            "add element abcdefghijklmno . 10.1.2.3 to inet t s4");
}

TEST(Describe, GuessesNoAddressWhereTheKeyHasOtherFields) {
  const auto text = [](const char* set, nft::Bytes key) {
    return describe(host(AddElement{{.set = {.table = "t", .set = set}, .key = std::move(key)}}));
  };
  const nft::Bytes marked = nft::KeyBuilder().ifname(name("cni0")).be16(80).take();
  EXPECT_EQ(text("ports", marked), "add element cni0 . 0x00500000 to inet t ports");
  EXPECT_EQ(text("ports4", nft::KeyBuilder().u8(6).address(ip("10.1.2.3")).be16(80).take()),
            "add element 0x06000000 . 0x0a010203 . 0x00500000 to inet t ports4");
  EXPECT_EQ(text("s6", nft::KeyBuilder().address(ip("10.1.2.3")).take()),
            "add element 0x0a010203 to inet t s6");
  EXPECT_EQ(text("s4", {}), "add element  to inet t s4");
}

TEST(ChannelOf, SeparatesNamespacesAndMechanisms) {
  EXPECT_EQ(channel_of(host(DeleteLink{name("a")})), Channel::kHostRtnetlink);
  EXPECT_EQ(channel_of(inside(AddRoute{})), Channel::kContainerRtnetlink);
  EXPECT_EQ(channel_of(host(SetSysctl{})), Channel::kHostSysctl);
  EXPECT_EQ(channel_of(inside(SetSysctl{})), Channel::kContainerSysctl);
  EXPECT_EQ(channel_of(host(EnsureTable{})), Channel::kNft);
  EXPECT_EQ(channel_of(host(AddElement{})), Channel::kNft);
  EXPECT_EQ(channel_of(host(RemoveElement{})), Channel::kNft);
}

TEST(Inverse, TakesBackWhatAnOpMade) {
  const RouteSpec route = default_route("10.1.2.1", "eth0");
  EXPECT_EQ(inverse(host(CreateLink{veth_spec("veth1", "eth0")})), host(DeleteLink{name("veth1")}));
  EXPECT_EQ(inverse(inside(AddAddress{name("eth0"), {iface("10.1.2.3/24")}})),
            inside(RemoveAddress{name("eth0"), iface("10.1.2.3/24")}));
  EXPECT_EQ(inverse(host(RemoveAddress{name("cni0"), iface("10.1.2.1/24")})),
            host(AddAddress{name("cni0"), {iface("10.1.2.1/24")}}));
  const AddressAttributes leased{
      .scope = 253, .label = "cni0:1", .lifetime = AddressLifetime{.valid = 7200, .preferred = 3600}};
  EXPECT_EQ(inverse(host(RemoveAddress{name("cni0"), iface("10.1.2.1/24"), leased})),
            host(AddAddress{name("cni0"), {.address = iface("10.1.2.1/24"), .attributes = leased}}));
  EXPECT_EQ(inverse(inside(AddRoute{route})), inside(RemoveRoute{route}));
  EXPECT_EQ(inverse(host(AddElement{masq_element()})), host(RemoveElement{masq_element()}));
  EXPECT_EQ(inverse(host(RemoveElement{masq_element()})), host(AddElement{masq_element()}));
  EXPECT_EQ(inverse(host(SetSysctl{.key = "k", .value = "1", .previous = "0"})),
            host(SetSysctl{.key = "k", .value = "0", .previous = "1"}));
}

TEST(Inverse, OfInverseIsTheOpItself) {
  for (const Op& op : {inside(AddAddress{name("eth0"), {iface("10.1.2.3/24")}}),
                       inside(AddRoute{default_route("fd00::1", "eth0")}), host(AddElement{masq_element()}),
                       host(SetSysctl{.key = "k", .value = "1", .previous = "0"})}) {
    EXPECT_EQ(inverse(*inverse(op)), op);
  }
}

TEST(Inverse, IsNothingForSharedThingsChangesAndRemovals) {
  EXPECT_EQ(inverse(shared(CreateLink{bridge_spec("cni0")})), std::nullopt);
  EXPECT_EQ(inverse(shared(SetSysctl{.key = "k", .value = "1", .previous = "0"})), std::nullopt);
  EXPECT_EQ(inverse(host(ChangeLink{existing_spec("lo")})), std::nullopt);
  EXPECT_EQ(inverse(host(DeleteLink{name("veth1")})), std::nullopt);
  EXPECT_EQ(inverse(host(EnsureTable{{.name = "fairlead"}})), std::nullopt);
  // A sysctl of a link that the plan made: nothing was read, nothing is to be restored.
  EXPECT_EQ(inverse(inside(SetSysctl{.key = "net/ipv4/conf/eth0/x", .value = "1", .previous = {}})),
            std::nullopt);
}

}  // namespace
}  // namespace fairlead
