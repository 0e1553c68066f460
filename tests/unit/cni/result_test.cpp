#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "plugins/cni/result_json.hpp"

namespace fairlead::cni {
namespace {

std::string golden(const std::string& name) {
  std::ifstream file(std::string(FAIRLEAD_GOLDEN_DIR) + "/cni/" + name);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<AddResult> decode(const std::string& text, DanglingIndex dangling = DanglingIndex::kRefuse) {
  FAIRLEAD_TRY(const auto document, Document::parse(text));
  return decode_result(document->root(), SpecVersion(1, 1, 0), dangling);
}

SpecVersion version(const std::string& text) { return *SpecVersion::parse(text); }
IfaceAddress address(const char* text) { return *IfaceAddress::parse(text); }
IpAddress ip(const char* text) { return *IpAddress::parse(text); }
IpNetwork network(const char* text) { return *IpNetwork::parse(text); }

/// Everything that 1.1.0 can tell.
AddResult full_result() {
  return AddResult{
      .interfaces = {{.name = "cni0", .mac = "02:00:00:00:00:01", .mtu = 1450},
                     {.name = "veth0123abc", .mac = "02:00:00:00:00:02"},
                     {.name = "eth0",
                      .mac = "02:00:00:00:00:03",
                      .mtu = 1450,
                      .sandbox = "/run/netns/blue",
                      .socket_path = "/run/vhost.sock",
                      .pci_id = "0000:00:1f.6"}},
      .ips = {{.address = address("10.1.2.3/24"), .gateway = ip("10.1.2.1"), .interface = 2},
              {.address = address("2001:db8::3/64"), .gateway = ip("2001:db8::1"), .interface = 2}},
      .routes = {{.dst = network("0.0.0.0/0"),
                  .gw = ip("10.1.2.1"),
                  .mtu = 1400,
                  .advmss = 1360,
                  .priority = 10,
                  .table = 100,
                  .scope = 0},
                 {.dst = network("::/0"), .gw = ip("2001:db8::1")},
                 {.dst = network("10.9.0.0/16")}},
      .dns = {.nameservers = {"10.1.2.1"},
              .domain = "example",
              .search = {"a.example", "b"},
              .options = {"ndots:1"}}};
}

/// What is left of full_result() after a detour over a version.
AddResult as_told_in(const SpecVersion& spec) {
  AddResult result = full_result();
  if (spec < SpecVersion(1, 1, 0)) {
    for (Interface& interface : result.interfaces) {
      interface.mtu.reset();
      interface.socket_path.clear();
      interface.pci_id.clear();
    }
  }
  if (spec >= SpecVersion(0, 3, 0)) return result;
  result.interfaces.clear();
  for (Ip& entry : result.ips) entry.interface.reset();
  // Per family: first those of ip4, then those of ip6.
  result.routes = {{.dst = network("0.0.0.0/0"), .gw = ip("10.1.2.1")},
                   {.dst = network("10.9.0.0/16")},
                   {.dst = network("::/0"), .gw = ip("2001:db8::1")}};
  return result;
}

class EveryVersion : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Result, EveryVersion, testing::ValuesIn(SpecVersion::supported()),
                         [](const auto& test) {
                           std::string name = "v" + test.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_P(EveryVersion, TellsTheFullResultAsTheGoldenFile) {
  const auto text = encode_result(full_result(), version(GetParam()));
  ASSERT_TRUE(text) << text.error().to_string();
  EXPECT_EQ(*text, golden("result_" + GetParam() + ".json"));
}

TEST_P(EveryVersion, ReadsTheGoldenFileBack) {
  const auto result = decode(golden("result_" + GetParam() + ".json"));
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(*result, as_told_in(version(GetParam())));
}

TEST_P(EveryVersion, ReadsEveryPrefixOfTheGoldenFileAsAnError) {
  const std::string text = golden("result_" + GetParam() + ".json");
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    const auto result = decode(text.substr(0, length));
    ASSERT_FALSE(result) << length;
    EXPECT_EQ(code_of(result.error()), kDecodeFailure);
  }
}

TEST(Result, WithoutAddressCannotBeToldBefore030) {
  for (const std::string& spec : SpecVersion::supported()) {
    const auto text = encode_result(AddResult{.interfaces = {{.name = "eth0"}}}, version(spec));
    EXPECT_EQ(text.has_value(), version(spec) >= SpecVersion(0, 3, 0)) << spec;
    if (text) continue;
    EXPECT_EQ(text.error().what, "cannot convert: no valid IP addresses");
    EXPECT_EQ(code_of(text.error()), kIncompatibleVersion);
  }
}

TEST(Result, WithTwoAddressesOfAFamilyCannotBeToldBefore030) {
  AddResult result{.ips = {{.address = address("2001:db8::3/64")}, {.address = address("2001:db8:1::3/64")}}};
  for (const std::string& spec : SpecVersion::supported()) {
    const auto text = encode_result(result, version(spec));
    EXPECT_EQ(text.has_value(), version(spec) >= SpecVersion(0, 3, 0)) << spec;
    if (text) continue;
    EXPECT_EQ(text.error().what, "CNI version " + spec + " does not support more than 1 address per family");
  }
}

TEST(Result, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(*encode_result(AddResult{}, SpecVersion(1, 1, 0)), "{\"cniVersion\":\"1.1.0\"}\n");
}

TEST(Result, TakesTheCallersVersionIfItNamesNone) {
  const auto document = Document::parse(R"({"ip4":{"ip":"10.1.2.3/24"}})");
  const auto result = decode_result((*document)->root(), SpecVersion(0, 2, 0), DanglingIndex::kRefuse);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->ips.size(), 1U);
  EXPECT_EQ(result->ips[0].address, address("10.1.2.3/24"));
}

TEST(Result, RefusesOrDropsAnInterfaceThatDoesNotExist) {
  for (const char* index : {"1", "-1"}) {
    const std::string text =
        std::string(
            R"({"cniVersion":"1.0.0","interfaces":[{"name":"eth0"}],"ips":[{"address":"10.1.2.3/24","interface":)") +
        index + "}]}";
    const auto refused = decode(text);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what.find("ips[0]: interface is "), 0U) << refused.error().what;
    const auto dropped = decode(text, DanglingIndex::kDrop);
    ASSERT_TRUE(dropped);
    EXPECT_EQ(dropped->ips[0].interface, std::nullopt);
  }
}

struct BadResult {
  const char* text;
  const char* message;
};

/// Scope 0 is a scope, RT_SCOPE_UNIVERSE.
TEST(Result, TakesARoutesZeroForNotSet) {
  const auto document = Document::parse(
      R"({"routes":[{"dst":"10.9.0.0/16","mtu":0,"advmss":0,"priority":0,"table":0,"scope":0}]})");
  ASSERT_TRUE(document);
  const auto routes = decode_routes((*document)->root());
  ASSERT_TRUE(routes) << routes.error().to_string();
  EXPECT_EQ(*routes, (std::vector<Route>{{.dst = network("10.9.0.0/16"), .scope = 0}}));
}

TEST(Result, TakesARouteWithHostBitsAsOneToItsNetwork) {
  const auto document = Document::parse(R"({"routes":[{"dst":"3ffe:ffff:0:1ff::1/64"}]})");
  ASSERT_TRUE(document);
  const auto routes = decode_routes((*document)->root());
  ASSERT_TRUE(routes) << routes.error().to_string();
  EXPECT_EQ(*routes, (std::vector<Route>{{.dst = network("3ffe:ffff:0:1ff::/64")}}));
}

TEST(Result, NamesThePathOfWhatIsWrong) {
  const BadResult bad[] = {
      {R"({"ips":[{}]})", "ips[0]: address is missing"},
      {R"({"ips":[{"address":"10.1.2.3"}]})", "ips[0].address: "},
      {R"({"ips":[{"address":"10.1.2.3/24","gateway":"::1"}]})",
       "ips[0]: gateway is of the other address family"},
      {R"({"routes":[{"gw":"10.1.2.1"}]})", "routes[0]: dst is missing"},
      {R"({"routes":[{"dst":"10.1.2.0"}]})", "routes[0].dst: "},
      {R"({"routes":[{"dst":"10.1.2.0/24","gw":"::1"}]})", "routes[0]: gw is of the other address family"},
      {R"({"routes":[{"dst":"10.1.2.0/24","scope":256}]})",
       "routes[0].scope: must be an integer from 0 to 255"},
      {R"({"interfaces":[{"mac":"02:00:00:00:00:01"}]})", "interfaces[0].name: is missing"},
      {R"({"dns":{"search":"a"}})", "dns.search: must be an array, not a string"},
      {R"({"cniVersion":"0.2.0","ip4":{"ip":"::1/64"}})", "ip4: ip is of the other address family"},
      {R"({"cniVersion":"7"})", "the configuration: cniVersion '7' is not supported"},
  };
  for (const BadResult& item : bad) {
    const auto result = decode(item.text);
    ASSERT_FALSE(result) << item.text;
    EXPECT_EQ(result.error().what.find(item.message), 0U) << result.error().what;
  }
}

TEST(ErrorObject, HoldsWhatFailedAndWhatToDo) {
  Error error{.code = Errc::kNotFound, .what = "find plugin 'x'", .remedy = "install it"};
  error.secondary.push_back(Error{.code = Errc::kIo, .what = "undo: write\xff"});
  EXPECT_EQ(
      encode_error(error, code_of(error), SpecVersion(0, 4, 0)),
      "{\"cniVersion\":\"0.4.0\",\"code\":102,\"details\":\"install it; also: undo: write\xEF\xBF\xBD\","
      "\"msg\":\"find plugin 'x'\"}\n");
}

TEST(ErrorObject, IsReadBack) {
  const auto error = decode_error(R"({"code":11,"msg":"later","details":"pool"})");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 11);
  EXPECT_EQ(error->msg, "later");
  EXPECT_EQ(error->details, "pool");
  for (const char* text : {"", "{}", R"({"code":0})", R"({"code":"7"})", R"({"code":7,"msg":1})"}) {
    EXPECT_FALSE(decode_error(text)) << text;
  }
}

TEST(Versions, ListEverySupportedOne) {
  EXPECT_EQ(
      encode_versions(),
      "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\","
      "\"1.0.0\",\"1.1.0\"]}\n");
}

TEST(Versions, AreParsedExactly) {
  EXPECT_EQ(*SpecVersion::parse(""), SpecVersion(0, 1, 0));
  for (const char* text : {"9.9.9", "1.1", "1.1.00", "v1.1.0", "0.5.0", "1.2.0", " 1.1.0"}) {
    const auto result = SpecVersion::parse(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(code_of(result.error()), kIncompatibleVersion);
    EXPECT_NE(result.error().to_string().find("0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace fairlead::cni
