// The plugins host-local and static as a delegating plugin calls them: a request in, a result out.
#include "plugins/cni/host_local/host_local.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/cni/document_json.hpp"
#include "plugins/cni/settings.hpp"
#include "plugins/cni/static_ipam/static_ipam.hpp"
#include "tests/unit/ipam/store_fixture.hpp"

namespace fairlead::cni {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IpamPluginTest : public test::StoreFixture {
 protected:
  IpamPluginTest() { settings_.run_dir = dir_ / "run"; }

  /// `members` are those of the configuration beside its name; DATA in it is the lease directory.
  Request request(std::string members, const std::string& id = "abc") {
    for (std::size_t at; (at = members.find("DATA")) != std::string::npos;)
      members.replace(at, 4, dir_ / "data");
    Request made;
    made.container_id = id;
    made.ifname = "eth0";
    made.network = "web";
    made.version = SpecVersion(1, 1, 0);
    made.settings = &settings_;
    made.log = &log_;
    auto document = Document::parse("{\"name\":\"web\"," + members + "}", &log_);
    EXPECT_TRUE(document) << members;
    if (document) made.config = *document;
    return made;
  }
  static std::string told(const Result<AddResult>& result) {
    if (!result) return std::to_string(code_of(result.error())) + ": " + result.error().what;
    std::string text;
    for (const Ip& ip : result->ips)
      text += (text.empty() ? "" : " ") + ip.address.to_string() +
              (ip.gateway ? "@" + ip.gateway->to_string() : "");
    return text;
  }
  static std::string told(const Result<void>& result) {
    return result ? "ok" : std::to_string(code_of(result.error())) + ": " + result.error().what;
  }

  Settings settings_;
  std::vector<std::string> lines_;
  Logger log_{[this](LogLevel, std::string_view id, std::string_view) { lines_.emplace_back(id); }};
};

class HostLocalTest : public IpamPluginTest {
 protected:
  const Plugin& plugin_ = host_local_plugin();
};
class StaticTest : public IpamPluginTest {
 protected:
  const Plugin& plugin_ = static_plugin();
};

TEST_F(HostLocalTest, AnswersWithAddressesRoutesAndDns) {
  test::write_file(
      dir_ / "resolv.conf",
      "# comment\nnameserver 192.0.2.1\r\n nameserver 2001:db8::53 # note\nsearch a.test b.test\n"
      "domain c.test\noptions ndots:2 rotate\nnameserver\n");
  auto result = plugin_.add(request(R"("ipam":{"dataDir":"DATA","resolvConf":")" + (dir_ / "resolv.conf") +
                                    R"(","ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"2001:db8::/64"}]],
    "routes":[{"dst":"0.0.0.0/0","mtu":1400,"advmss":1360,"priority":7,"table":9,"scope":253}]})"));
  EXPECT_EQ(told(result), "10.0.0.2/24@10.0.0.1 2001:db8::2/64@2001:db8::1");
  EXPECT_THAT(result->routes, ElementsAre(Route{.dst = test::net("0.0.0.0/0"),
                                                .mtu = 1400,
                                                .advmss = 1360,
                                                .priority = 7,
                                                .table = 9,
                                                .scope = 253}));
  EXPECT_THAT(result->dns.nameservers, ElementsAre("192.0.2.1", "2001:db8::53"));
  EXPECT_THAT(result->dns.search, ElementsAre("a.test", "b.test"));
  EXPECT_THAT(result->dns.options, ElementsAre("ndots:2", "rotate"));
  EXPECT_EQ(result->dns.domain, "c.test");
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2", "2001:db8::2"));
}

TEST_F(HostLocalTest, PutsRuntimeRangesFirstThenTheFlatFormThenRanges) {
  EXPECT_EQ(told(plugin_.add(request(
                R"("runtimeConfig":{"ipRanges":[[{"subnet":"10.3.0.0/24"}]]},"ipam":{"dataDir":"DATA",
    "subnet":"10.2.0.0/24","rangeStart":"10.2.0.9","rangeEnd":"10.2.0.10","gateway":"10.2.0.5",
    "ranges":[[{"subnet":"10.1.0.0/24"}]]})"))),
            "10.3.0.2/24@10.3.0.1 10.2.0.9/24@10.2.0.5 10.1.0.2/24@10.1.0.1");
}

TEST_F(HostLocalTest, WarnsOfFlatKeysWithoutASubnet) {
  ASSERT_TRUE(plugin_.add(
      request(R"("ipam":{"dataDir":"DATA","gateway":"10.1.0.9","ranges":[[{"subnet":"10.1.0.0/24"}]]})")));
  EXPECT_THAT(lines_, ElementsAre("FL5101"));
}

TEST_F(HostLocalTest, TakesRequestsFromTheNearestSource) {
  const std::string ipam = R"("ipam":{"dataDir":"DATA","subnet":"10.0.0.0/24"})";
  const std::string args = R"("args":{"cni":{"ips":["10.0.0.21/24"]}},)";
  const std::string runtime = R"("runtimeConfig":{"ips":["10.0.0.22"]},)";
  Request environment = request(ipam, "a");
  environment.args["IP"] = "10.0.0.20/24";
  EXPECT_EQ(told(plugin_.add(environment)), "10.0.0.20/24@10.0.0.1");
  Request both = request(args + ipam, "b");
  both.args["IP"] = "10.0.0.30";
  EXPECT_EQ(told(plugin_.add(both)), "10.0.0.21/24@10.0.0.1");
  EXPECT_EQ(told(plugin_.add(request(runtime + args + ipam, "c"))), "10.0.0.22/24@10.0.0.1");
  Request wrong = request(runtime + ipam, "d");
  wrong.args["IP"] = "nonsense";
  EXPECT_THAT(told(plugin_.add(wrong)), HasSubstr("7: IP of CNI_ARGS: "));
}

TEST_F(HostLocalTest, NamesTheKeyThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("x":1)", "7: ipam: missing"},
      {R"("ipam":{})", "7: ipam: no IP ranges specified"},
      {R"("ipam":{"ranges":[[{"subnet":"10.0.0.1/24"}]]})", "7: ipam.ranges[0][0].subnet: "},
      {R"("ipam":{"ranges":[[{}]]})", "7: ipam.ranges[0][0]: subnet is missing"},
      {R"("ipam":{"ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.0.0/16"}]]})",
       "7: ipam: range set 0 overlaps with 1"},
      {R"("ipam":{"subnet":"10.0.0.0/24","gateway":"10.0.1.1"})", "not in network 10.0.0.0/24"},
      {R"("ipam":{"subnet":"10.0.0.0/24","dataDir":"leases"})", "7: ipam.dataDir is not an absolute path"},
      {R"("ipam":{"subnet":"10.0.0.0/24","resolvConf":"/nowhere/x"})", "7: ipam.resolvConf: /nowhere/x"},
  };
  for (const auto& [members, message] : cases)
    EXPECT_THAT(told(plugin_.add(request(members))), HasSubstr(message)) << members;
  for (const char* members : {R"("x":1)", R"("ipam":{"subnet":"10.0.0.0/24","resolvConf":"/nowhere/x"})",
                              R"("ipam":{"subnet":"10.0.0.0/24","dataDir":"/proc/nowhere"})"})
    EXPECT_NE(plugin_.add(request(members)).error().remedy, "") << members;
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
}

TEST_F(HostLocalTest, RefusesTwoAddressesOfAFamilyBeforeReservingWhereTheVersionCannotTellThem) {
  Request old = request(
      R"("ipam":{"dataDir":"DATA","ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.1.0.0/24"}]]})");
  old.version = SpecVersion(0, 2, 0);
  EXPECT_THAT(told(plugin_.add(old)), HasSubstr("does not support more than 1 address per family"));
  EXPECT_THAT(leases(), IsEmpty());
}

TEST_F(HostLocalTest, AnswersEachVerbWithItsOwnCode) {
  const std::string ipam = R"("ipam":{"dataDir":"DATA","subnet":"10.0.0.0/30"})";
  EXPECT_EQ(told(plugin_.check(request(ipam))),
            "107: check leases: container abc interface eth0 on network web has no address");
  EXPECT_EQ(told(plugin_.status(request(ipam))), "ok");
  EXPECT_EQ(told(plugin_.add(request(ipam))), "10.0.0.2/30@10.0.0.1");
  EXPECT_THAT(told(plugin_.add(request(ipam))), HasSubstr("101: "));
  EXPECT_THAT(told(plugin_.add(request(ipam, "other"))), HasSubstr("105: "));
  EXPECT_THAT(told(plugin_.status(request(ipam))), HasSubstr("no IP addresses available"));
  EXPECT_EQ(told(plugin_.check(request(ipam))), "ok");
  Request foreign = request(ipam);
  foreign.prev_result = AddResult{.ips = {{.address = *IfaceAddress::parse("10.0.0.1/30")}}};
  EXPECT_EQ(told(plugin_.check(foreign)),
            "107: check leases: 10.0.0.1 is not leased to container abc interface eth0 on network web");
}

TEST_F(HostLocalTest, ReleasesWhateverTheRangesSayByNow) {
  ASSERT_TRUE(plugin_.add(request(R"("ipam":{"dataDir":"DATA","subnet":"10.0.0.0/30"})")));
  EXPECT_EQ(told(plugin_.del(request(R"("ipam":{"dataDir":"DATA","subnet":"nonsense"})"))), "ok");
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_EQ(told(plugin_.del(request(R"("ipam":{"dataDir":"DATA"})"))), "ok");
}

TEST_F(HostLocalTest, CollectsWhatIsNotValid) {
  const std::string ipam = R"("ipam":{"dataDir":"DATA","subnet":"10.0.0.0/24"})";
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(plugin_.add(request(ipam, id)));
  Request gc = request(ipam);
  gc.valid_attachments = {{.container_id = "b", .ifname = "eth0"}};
  EXPECT_EQ(told(plugin_.gc(gc)), "ok");
  EXPECT_THAT(leases(), ElementsAre("10.0.0.3"));
  EXPECT_THAT(lines_, ElementsAre("FL5103", "FL5103"));
}

TEST_F(HostLocalTest, CollectSparesWhatWasLeasedSinceTheListWasMade) {
  const std::string ipam = R"("ipam":{"dataDir":"DATA","subnet":"10.0.0.0/24"})";
  Request gc = request(ipam);
  gc.judged_at = file_time_now();
  ASSERT_TRUE(plugin_.add(request(ipam, "a")));
  EXPECT_EQ(told(plugin_.gc(gc)), "ok");
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2"));
  gc.judged_at = file_time_now() + std::chrono::seconds(1);
  EXPECT_EQ(told(plugin_.gc(gc)), "ok");
  EXPECT_THAT(leases(), IsEmpty());
}

TEST_F(HostLocalTest, CollectAsksWhoIsAttachedWhenItKnowsItsLeases) {
  const std::string ipam = R"("ipam":{"dataDir":"DATA","subnet":"10.0.0.0/24"})";
  ASSERT_TRUE(plugin_.add(request(ipam, "a")));
  Request gc = request(ipam);
  gc.attached_by_now = [&]() -> Result<std::vector<AttachmentId>> {
    EXPECT_TRUE(plugin_.add(request(ipam, "b"))) << "its record is written by now, but we did not see it";
    return std::vector<AttachmentId>{};
  };
  EXPECT_EQ(told(plugin_.gc(gc)), "ok");
  EXPECT_THAT(leases(), ElementsAre("10.0.0.3"));
  gc.attached_by_now = []() -> Result<std::vector<AttachmentId>> {
    return std::vector<AttachmentId>{{.container_id = "b", .ifname = "eth0"}};
  };
  EXPECT_EQ(told(plugin_.gc(gc)), "ok");
  EXPECT_THAT(leases(), ElementsAre("10.0.0.3"));
  gc.attached_by_now = nullptr;
  EXPECT_EQ(told(plugin_.gc(gc)), "ok");
  EXPECT_THAT(leases(), IsEmpty());
}

TEST_F(StaticTest, AppendsWhatCniArgsNamesAndDealsOutItsGateways) {
  Request made = request(
      R"("ipam":{"addresses":[{"address":"10.1.0.9/24","gateway":"10.1.0.1"},{"address":"10.2.0.9/24"}],
    "routes":[{"dst":"0.0.0.0/0"}],"dns":{"nameservers":["192.0.2.1"]}})");
  made.args["IP"] = "10.3.0.9/24, 2001:db8::9/64";
  made.args["GATEWAY"] = "10.2.0.254,2001:db8::1";
  auto result = plugin_.add(made);
  EXPECT_EQ(told(result),
            "10.1.0.9/24@10.1.0.1 10.2.0.9/24@10.2.0.254 10.3.0.9/24 2001:db8::9/64@2001:db8::1");
  EXPECT_EQ(result->routes.size(), 1U);
  EXPECT_THAT(result->dns.nameservers, ElementsAre("192.0.2.1"));
  made.args["GATEWAY"] = "192.0.2.7";
  ASSERT_TRUE(plugin_.add(made));
  EXPECT_THAT(lines_, ElementsAre("FL5111"));
}

TEST_F(StaticTest, ReplacesTheAddressesByThoseOfTheRuntime) {
  const std::string ipam = R"("ipam":{"addresses":[{"address":"10.1.0.9/24"}]})";
  const std::string args = R"("args":{"cni":{"ips":["10.2.0.9/24"]}},)";
  EXPECT_EQ(told(plugin_.add(request(args + ipam))), "10.2.0.9/24");
  EXPECT_EQ(told(plugin_.add(
                request(R"("runtimeConfig":{"ips":["10.3.0.9/16","2001:db8::9/64"]},)" + args + ipam))),
            "10.3.0.9/16 2001:db8::9/64");
}

TEST_F(StaticTest, RefusesAnAddressWithoutPrefixWhereverItStands) {
  Request environment = request(R"("ipam":{})");
  environment.args["IP"] = "10.0.0.1/24,10.0.0.2";
  Request gateway = request(R"("ipam":{})");
  gateway.args["GATEWAY"] = "10.0.0.300";
  EXPECT_THAT(told(plugin_.add(request(R"("ipam":{"addresses":[{"address":"10.0.0.1"}]})"))),
              HasSubstr("7: ipam.addresses[0].address: invalid CIDR"));
  EXPECT_THAT(told(plugin_.add(environment)), HasSubstr("7: IP of CNI_ARGS: invalid CIDR"));
  EXPECT_THAT(told(plugin_.add(gateway)), HasSubstr("7: GATEWAY of CNI_ARGS"));
  EXPECT_THAT(told(plugin_.add(request(R"("ipam":{},"args":{"cni":{"ips":["x/24"]}})"))),
              HasSubstr("7: args.cni.ips: invalid CIDR"));
  EXPECT_THAT(told(plugin_.add(request(R"("ipam":{},"runtimeConfig":{"ips":["10.0.0.1/33"]})"))),
              HasSubstr("7: runtimeConfig.ips: invalid CIDR"));
  EXPECT_EQ(told(plugin_.add(request(R"("x":1)"))), "7: ipam: missing");
  EXPECT_NE(plugin_.add(request(R"("x":1)")).error().remedy, "");
}

TEST_F(StaticTest, ChecksAddressesAndGatewaysAgainstPrevResult) {
  Request made = request(R"("ipam":{"addresses":[{"address":"10.1.0.9/24","gateway":"10.1.0.1"}]})");
  made.prev_result = AddResult{.ips = {{.address = *IfaceAddress::parse("10.1.0.9/24")}}};
  EXPECT_EQ(told(plugin_.check(made)),
            "107: check address 10.1.0.9/24: its gateway in prevResult is missing, want 10.1.0.1");
  made.prev_result->ips[0].gateway = test::ip("10.1.0.1");
  EXPECT_EQ(told(plugin_.check(made)), "ok");
  made.prev_result->ips.clear();
  EXPECT_EQ(told(plugin_.check(made)), "107: check address 10.1.0.9/24: prevResult does not have it");
}

TEST_F(StaticTest, HasNothingToDeleteOrCollectWhateverTheConfiguration) {
  const Request made = request(R"("ipam":{"addresses":"nonsense"})");
  EXPECT_EQ(told(plugin_.del(made)), "ok");
  EXPECT_EQ(told(plugin_.gc(made)), "ok");
  EXPECT_THAT(told(plugin_.status(made)), HasSubstr("7: ipam.addresses"));
}

}  // namespace
}  // namespace fairlead::cni
