// Environment and configuration to a Request.
#include <gtest/gtest.h>

#include <map>

#include "plugins/cni/config_json.hpp"
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/environment.hpp"

namespace fairlead::cni {
namespace {

class RequestTest : public testing::Test {
 protected:
  Result<void> read(Verb verb) {
    request_ = Request();
    request_.verb = verb;
    request_.log = &log_;
    return read_environment(plugin_, lookup(), request_);
  }
  Result<void> decode(Verb verb, const std::string& config) {
    request_ = Request();
    request_.verb = verb;
    request_.log = &log_;
    request_.config_text = config;
    return decode_config(plugin_, request_);
  }
  EnvironmentLookup lookup() {
    return [this](const char* name) -> const char* {
      const auto found = variables_.find(name);
      return found == variables_.end() ? nullptr : found->second.c_str();
    };
  }

  Plugin plugin_{.type = "test",
                 .about = "",
                 .known_args = {"MAC"},
                 .add = nullptr,
                 .del = nullptr,
                 .check = nullptr,
                 .gc = nullptr,
                 .status = nullptr};
  std::map<std::string, std::string> variables_{{"CNI_CONTAINERID", "blue-1.x_2"},
                                                {"CNI_NETNS", "/run/netns/blue"},
                                                {"CNI_IFNAME", "eth0"},
                                                {"CNI_PATH", "/opt/cni/bin::/usr/lib/cni"}};
  std::vector<std::string> lines_;
  Logger log_{[this](LogLevel, std::string_view id, std::string_view) { lines_.emplace_back(id); }};
  Request request_;
};

int code_of(const Result<void>& result) { return result ? 0 : cni::code_of(result.error()); }

using EnvironmentTest = RequestTest;
using ConfigTest = RequestTest;

TEST_F(EnvironmentTest, FillsTheRequest) {
  variables_["CNI_ARGS"] = "MAC=02:00:00:00:00:01;IgnoreUnknown=1;K8S_POD_NAME=a=b";
  ASSERT_TRUE(read(Verb::kAdd));
  EXPECT_EQ(request_.container_id, "blue-1.x_2");
  EXPECT_EQ(request_.netns, "/run/netns/blue");
  EXPECT_EQ(request_.ifname, "eth0");
  EXPECT_EQ(request_.path, (std::vector<std::string>{"/opt/cni/bin", "/usr/lib/cni"}));
  EXPECT_EQ(request_.args,
            (std::map<std::string, std::string>{{"MAC", "02:00:00:00:00:01"}, {"K8S_POD_NAME", "a=b"}}));
  EXPECT_TRUE(request_.args_ignore_unknown);
}

TEST_F(EnvironmentTest, NamesEveryMissingVariableAtOnce) {
  variables_.clear();
  const std::map<Verb, std::string> expected{
      {Verb::kAdd, "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH"},
      {Verb::kCheck, "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH"},
      {Verb::kDel, "CNI_CONTAINERID, CNI_IFNAME, CNI_PATH"},
      {Verb::kGc, "CNI_PATH"}};
  for (const auto& [verb, names] : expected) {
    const auto result = read(verb);
    EXPECT_EQ(code_of(result), kInvalidEnvironment);
    EXPECT_EQ(result.error().what,
              std::string("required environment variables missing for ") + to_string(verb) + ": " + names);
    EXPECT_NE(result.error().remedy, "");
  }
  EXPECT_TRUE(read(Verb::kStatus));
}

TEST_F(EnvironmentTest, RefusesContainerIdsThatAreNoIdentifiers) {
  for (const char* id : {"a/b", "../x", ".x", "-x", "_x", "a b", "a\nb", "\xc3\xa4"}) {
    variables_["CNI_CONTAINERID"] = id;
    EXPECT_EQ(code_of(read(Verb::kAdd)), kInvalidEnvironment) << id;
    EXPECT_EQ(code_of(read(Verb::kDel)), kInvalidEnvironment) << id;
  }
}

TEST_F(EnvironmentTest, RefusesNamesThatNoLinkCanHave) {
  for (const char* name : {"sixteen_bytes_xx", ".", "..", "a:b", "a b", "a/b", "a\tb"}) {
    variables_["CNI_IFNAME"] = name;
    EXPECT_EQ(code_of(read(Verb::kAdd)), kInvalidEnvironment) << name;
  }
  variables_["CNI_IFNAME"] = "fifteen_bytes_x";
  EXPECT_TRUE(read(Verb::kAdd));
}

TEST_F(EnvironmentTest, RefusesMalformedAndUnknownArgs) {
  for (const char* args :
       {"FOO", "FOO=1", "=1", "MAC=1;", ";", "IgnoreUnknown=0;FOO=1", "IgnoreUnknown=1;FOO"}) {
    variables_["CNI_ARGS"] = args;
    EXPECT_EQ(code_of(read(Verb::kAdd)), kInvalidEnvironment) << args;
    EXPECT_EQ(code_of(read(Verb::kCheck)), kInvalidEnvironment) << args;
  }
  for (const char* args : {"", "MAC=", "FOO=1;IgnoreUnknown=1", "IgnoreUnknown=TRUE;FOO=1"}) {
    variables_["CNI_ARGS"] = args;
    EXPECT_TRUE(read(Verb::kAdd)) << args;
  }
}

TEST_F(EnvironmentTest, DeletesDespiteUnknownArgsButSaysSo) {
  variables_["CNI_ARGS"] = "FOO=1";
  EXPECT_TRUE(read(Verb::kDel));
  EXPECT_EQ(lines_, std::vector<std::string>{"FL5003"});
}

TEST_F(EnvironmentTest, RefusesTheNamespaceOfThePluginItself) {
  variables_["CNI_NETNS"] = "/proc/self/ns/net";
  ASSERT_TRUE(read(Verb::kAdd));
  EXPECT_EQ(code_of(refuse_own_netns(request_, lookup())), kInvalidNetns);
  for (const char* value : {"1", "true", "TRUE"}) {
    variables_["CNI_NETNS_OVERRIDE"] = value;
    EXPECT_TRUE(refuse_own_netns(request_, lookup())) << value;
  }
  variables_["CNI_NETNS_OVERRIDE"] = "0";
  EXPECT_EQ(code_of(refuse_own_netns(request_, lookup())), kInvalidNetns);
}

TEST_F(EnvironmentTest, DeletesWithoutANamespaceThatHasBecomeItsOwn) {
  variables_["CNI_NETNS"] = "/proc/self/ns/net";
  ASSERT_TRUE(read(Verb::kDel));
  EXPECT_TRUE(refuse_own_netns(request_, lookup()));
  EXPECT_EQ(request_.netns, "");
  EXPECT_EQ(lines_, std::vector<std::string>{"FL5006"});
  variables_["CNI_NETNS_OVERRIDE"] = "1";
  ASSERT_TRUE(read(Verb::kDel));
  EXPECT_TRUE(refuse_own_netns(request_, lookup()));
  EXPECT_EQ(request_.netns, "/proc/self/ns/net");
}

TEST_F(EnvironmentTest, LeavesAMissingNamespaceToTheVerb) {
  for (const char* path : {"", "/nonexistent/netns"}) {
    variables_["CNI_NETNS"] = path;
    ASSERT_TRUE(read(Verb::kDel));
    EXPECT_TRUE(refuse_own_netns(request_, lookup())) << path;
  }
}

TEST_F(EnvironmentTest, KnowsTheVerbsByTheirExactNames) {
  EXPECT_EQ(*parse_verb("STATUS"), Verb::kStatus);
  for (const char* text : {"FROB", "add", "ADD ", ""}) {
    const auto verb = parse_verb(text);
    ASSERT_FALSE(verb) << text;
    EXPECT_EQ(cni::code_of(verb.error()), kInvalidEnvironment);
  }
}

TEST_F(ConfigTest, FillsTheRequest) {
  ASSERT_TRUE(
      decode(Verb::kAdd, R"({"cniVersion":"1.0.0","name":"blue","type":"bridge","ipam":{"type":"host-local"},
    "prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/x"}]}})"));
  EXPECT_EQ(request_.version, SpecVersion(1, 0, 0));
  EXPECT_EQ(request_.network, "blue");
  EXPECT_EQ(request_.type, "bridge");
  EXPECT_EQ(request_.ipam_type, "host-local");
  ASSERT_TRUE(request_.prev_result);
  EXPECT_EQ(request_.prev_result->interfaces[0].sandbox, "/x");
  ASSERT_TRUE(request_.config);
}

TEST_F(ConfigTest, RefusesNetworkNamesThatAreNoIdentifiers) {
  for (const char* name : {"", "l/o", "../x", "a\\nb", "a b"}) {
    EXPECT_EQ(code_of(decode(Verb::kAdd, std::string(R"({"cniVersion":"1.0.0","name":")") + name + "\"}")),
              kInvalidConfig)
        << name;
  }
  EXPECT_EQ(code_of(decode(Verb::kAdd, R"({"cniVersion":"1.0.0"})")), kInvalidConfig);
  EXPECT_EQ(code_of(decode(Verb::kAdd, R"({"cniVersion":"1.0.0","name":7})")), kInvalidConfig);
}

TEST_F(ConfigTest, RefusesVerbsThatTheVersionDoesNotHave) {
  const std::string old = R"({"cniVersion":"0.3.1","name":"x","prevResult":{}})";
  EXPECT_EQ(code_of(decode(Verb::kCheck, old)), kIncompatibleVersion);
  EXPECT_EQ(code_of(decode(Verb::kAdd, old)), 0);
  EXPECT_EQ(request_.version, SpecVersion(0, 3, 1));
  const std::string newer = R"({"cniVersion":"1.0.0","name":"x","cni.dev/valid-attachments":[]})";
  EXPECT_EQ(code_of(decode(Verb::kGc, newer)), kIncompatibleVersion);
  EXPECT_EQ(code_of(decode(Verb::kStatus, newer)), kIncompatibleVersion);
  EXPECT_EQ(code_of(decode(Verb::kAdd, R"({"cniVersion":"9.9.9","name":"x"})")), kIncompatibleVersion);
}

TEST_F(ConfigTest, NeedsPrevResultForCheckOnly) {
  EXPECT_EQ(code_of(decode(Verb::kCheck, R"({"cniVersion":"1.0.0","name":"x"})")), kInvalidConfig);
  EXPECT_EQ(code_of(decode(Verb::kDel, R"({"cniVersion":"1.0.0","name":"x"})")), 0);
}

TEST_F(ConfigTest, DeletesDespiteABrokenPrevResultButSaysSo) {
  const std::string config = R"({"cniVersion":"1.0.0","name":"x","prevResult":{"ips":[{"address":"bad"}]}})";
  const auto added = decode(Verb::kAdd, config);
  EXPECT_EQ(code_of(added), kInvalidConfig);
  EXPECT_EQ(added.error().what.find("prevResult.ips[0].address: "), 0U) << added.error().what;
  EXPECT_EQ(code_of(decode(Verb::kDel, config)), 0);
  EXPECT_FALSE(request_.prev_result);
  EXPECT_EQ(lines_, std::vector<std::string>{"FL5004"});
}

TEST_F(ConfigTest, CollectsGarbageOnlyAgainstAListThatIsThere) {
  const auto gc = [&](const std::string& keys) {
    return code_of(decode(Verb::kGc, R"({"cniVersion":"1.1.0","name":"x")" + keys + "}"));
  };
  EXPECT_EQ(gc(""), kInvalidConfig);
  EXPECT_EQ(gc(R"(,"cni.dev/valid-attachments":{})"), kInvalidConfig);
  EXPECT_EQ(gc(R"(,"cni.dev/valid-attachments":[{"containerID":"a"}])"), kInvalidConfig);
  EXPECT_EQ(gc(R"(,"cni.dev/valid-attachments":[{"containerID":"a","ifname":""}])"), kInvalidConfig);
  EXPECT_EQ(gc(R"(,"cni.dev/valid-attachments":[])"), 0);
  EXPECT_TRUE(request_.valid_attachments.empty());
  EXPECT_EQ(gc(R"(,"cni.dev/valid-attachments":null)"), 0) << "Go's way to write an empty list";
  EXPECT_EQ(gc(R"(,"cni.dev/attachments":[{"containerID":"a","ifname":"eth0"}])"), 0);
  EXPECT_EQ(request_.valid_attachments, (std::vector<AttachmentId>{{"a", "eth0"}}));
}

TEST_F(ConfigTest, CollectsWhatWasThereWhenTheListWasMade) {
  const auto gc = [&](const std::string& when) {
    return code_of(decode(Verb::kGc, R"({"cniVersion":"1.1.0","name":"x","cni.dev/valid-attachments":[],)"
                                     R"("fairlead.dev/judged-at":)" +
                                         when + "}"));
  };
  EXPECT_EQ(gc("1700000000123456789"), 0);
  EXPECT_EQ(request_.judged_at, FileTime(std::chrono::nanoseconds(1700000000123456789)));
  EXPECT_EQ(gc("9223372036854775807"), 0);
  EXPECT_EQ(gc("null"), 0);
  EXPECT_FALSE(request_.judged_at);
  for (const char* wrong : {"-1", "9223372036854775808", "1.5", "1e30", "\"1700000000\"", "[]", "true"}) {
    EXPECT_EQ(gc(wrong), kInvalidConfig) << wrong;
  }
}

TEST_F(ConfigTest, ADelegateReadsTheValidAttachmentsThatItIsGiven) {
  const std::vector<AttachmentId> valid{{"a", "eth0"}, {"in-flight", "eth1"}};
  for (const char* key : {"cni.dev/valid-attachments", "cni.dev/attachments"}) {
    const std::string list = std::string(R"(,"fairlead.dev/judged-at":1700000000123456789,")") + key +
                             R"(":[{"containerID":"a","ifname":"eth0"}])";
    ASSERT_EQ(
        code_of(decode(Verb::kGc, R"({"cniVersion":"1.1.0","name":"x","ipam":{"type":"f"})" + list + "}")),
        0);
    const auto extended = with_valid_attachments(request_, valid);
    ASSERT_TRUE(extended);
    EXPECT_EQ(extended->valid_attachments, valid);
    // What a plugin of this or an older specification makes of it, and of the rest.
    ASSERT_EQ(code_of(decode(Verb::kGc, extended->config_text)), 0);
    EXPECT_EQ(request_.valid_attachments, valid);
    EXPECT_EQ(request_.ipam_type, "f");
    EXPECT_EQ(request_.judged_at, FileTime(std::chrono::nanoseconds(1700000000123456789)));
    EXPECT_EQ(request_.config->root().items(key)->size(), 2U) << key;
    EXPECT_EQ(extended->config->root().items(key)->size(), 2U) << key;
  }
}

TEST_F(ConfigTest, SaysWhatToDoAboutWhatIsMissing) {
  for (const char* config :
       {"", " \n", R"({"cniVersion":"1.0.0"})", R"({"cniVersion":"1.0.0","name":"x"})"}) {
    const auto decoded = decode(Verb::kCheck, config);
    ASSERT_FALSE(decoded) << config;
    EXPECT_NE(decoded.error().remedy, "") << decoded.error().what;
  }
}

TEST_F(ConfigTest, ReadsEveryPrefixAsAValueOrAnError) {
  const std::string text =
      R"({"cniVersion":"0.4.0","name":"x","type":"bridge","ipam":{"type":"a","ranges":[[{"subnet":"10.0.0.0/8"}]]},"prevResult":{"ips":[{"version":"4","address":"10.0.0.2/8"}]}})";
  ASSERT_EQ(code_of(decode(Verb::kAdd, text)), 0);
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_EQ(code_of(decode(Verb::kAdd, text.substr(0, length))), kDecodeFailure) << length;
  }
}

}  // namespace
}  // namespace fairlead::cni
