#include "cli/observe/view.hpp"

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

LinkState link(std::uint32_t index, const char* name, const char* kind = "") {
  LinkState state;
  state.index = LinkIndex{index};
  state.name = name;
  state.kind = kind;
  state.mtu = 1500;
  state.up = true;
  state.lower_up = true;
  return state;
}

LinkState veth(std::uint32_t index, const char* name, std::uint32_t peer, int nsid) {
  LinkState end = link(index, name, "veth");
  end.link = LinkIndex{peer};
  end.link_nsid = nsid;
  return end;
}

/// A host with a bridge and one attached container.
std::vector<NamespaceView> host_and_container() {
  NamespaceView host{.name = "host", .path = "/proc/self/ns/net"};
  host.links = {link(2, "cni0", "bridge"), veth(7, "vethabc", 2, 0)};
  host.links[1].master = LinkIndex{2};
  host.links[1].alias = "fairlead n/c1/eth0";
  host.addresses = {{.link = LinkIndex{2}, .address = *IfaceAddress::parse("10.1.0.1/16")}};
  NamespaceView container{.name = "c1", .path = "/run/netns/c1"};
  container.links = {veth(2, "eth0", 7, 0)};
  container.links[0].mac = *MacAddress::parse("02:00:00:00:00:01");
  container.addresses = {{.link = LinkIndex{2}, .address = *IfaceAddress::parse("10.1.0.2/16")}};
  container.routes = {{.destination = IpNetwork::any(IpFamily::kV4),
                       .hops = {{.gateway = *IpAddress::parse("10.1.0.1"), .index = LinkIndex{2}}}}};
  container.attachments = {{.network = "n",
                            .container_id = "c1",
                            .ifname = "eth0",
                            .netns_path = "/run/netns/c1",
                            .plugins = {{.plugin = "bridge", .done = true, .addresses = {"10.1.0.2/16"}}}}};
  return {host, container};
}

TEST(ShowText, TellsWhereEveryLinkHangs) {
  EXPECT_EQ(render_text(host_and_container(), false),
            "host  /proc/self/ns/net\n"
            "   2 cni0     up          bridge  mtu 1500\n"
            "       10.1.0.1/16\n"
            "   7 vethabc  up          veth    mtu 1500  to c1:eth0  on cni0  'fairlead n/c1/eth0'\n"
            "\n"
            "c1  /run/netns/c1\n"
            "   2 eth0  up          veth  mtu 1500  02:00:00:00:00:01  to host:vethabc\n"
            "       10.1.0.2/16\n"
            "  route 0.0.0.0/0 via 10.1.0.1 dev eth0\n"
            "  attachment n/c1/eth0  bridge 10.1.0.2/16\n");
}

TEST(ShowText, ColoursOnlyWhenAsked) {
  EXPECT_EQ(render_text(host_and_container(), false).find('\x1b'), std::string::npos);
  EXPECT_NE(render_text(host_and_container(), true).find("\x1b[32mup"), std::string::npos);
}

TEST(ShowText, TellsWhatCouldNotBeSeen) {
  std::vector<NamespaceView> views{{.name = "c9", .path = "/run/netns/c9"}};
  views[0].problem = Error{.code = Errc::kNotFound, .what = "open /run/netns/c9: ENOENT"};
  EXPECT_EQ(render_text(views, false), "c9  /run/netns/c9\n  open /run/netns/c9: ENOENT\n");
}

TEST(ShowJson, HoldsTheSameFacts) {
  const std::string json = render_json(host_and_container());
  for (const char* fact : {R"("master": "cni0")", R"("namespace": "c1")", R"("address": "10.1.0.2/16")",
                           R"("destination": "0.0.0.0/0")", R"("gateway": "10.1.0.1")",
                           R"("containerId": "c1")", R"("done": true)", R"("state": "up")"})
    EXPECT_NE(json.find(fact), std::string::npos) << fact << "\n" << json;
}

TEST(FindPeer, NeverGuesses) {
  auto views = host_and_container();
  EXPECT_TRUE(find_peer(views, 0, views[0].links[1]));
  // A second namespace has a link with the same two indices: it could be either.
  views.push_back({.name = "c2", .path = "/run/netns/c2"});
  views[2].links = {veth(2, "eth0", 7, 0)};
  EXPECT_FALSE(find_peer(views, 0, views[0].links[1]));
  EXPECT_FALSE(find_peer(views, 0, views[0].links[0]));
}

TEST(FindPeer, LooksInTheOwnNamespaceForAPairWithoutNamespaceId) {
  NamespaceView view{.name = "host", .path = "/"};
  view.links = {veth(3, "a", 4, 0), veth(4, "b", 3, 0)};
  for (auto& end : view.links) end.link_nsid.reset();
  const auto peer = find_peer({view}, 0, view.links[0]);
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->view, 0U);
  EXPECT_EQ(peer->link, 1U);
}

TEST(StateOf, TellsDownFromNoCarrier) {
  LinkState state = link(1, "a");
  EXPECT_STREQ(state_of(state), "up");
  state.lower_up = false;
  EXPECT_STREQ(state_of(state), "no carrier");
  state.up = false;
  EXPECT_STREQ(state_of(state), "down");
}

}  // namespace
}  // namespace fairlead::cli
