#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plugins/cni/document_json.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {
namespace {

std::shared_ptr<const Document> parsed(std::string_view text) {
  auto document = Document::parse(text);
  EXPECT_TRUE(document) << (document ? "" : document.error().to_string());
  return *document;
}

int code_for(std::string_view text) {
  const auto document = Document::parse(text);
  return document ? 0 : code_of(document.error());
}

std::string nested(std::size_t levels) {
  return R"({"a":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
}

TEST(Document, RefusesWhatIsNoJsonObject) {
  for (const char* text :
       {"", " ", "{bad", "[]", "1", "null", R"({"a":1} {})", R"({"a":1,})", "\xff", "{\"a\":\"\xff\"}"}) {
    EXPECT_EQ(code_for(text), kDecodeFailure) << text;
  }
}

TEST(Document, SaysWhereTheSyntaxBreaks) {
  const auto document = Document::parse("{\n  \"name\": ,\n}");
  ASSERT_FALSE(document);
  EXPECT_NE(document.error().what.find("line 2, column 11"), std::string::npos) << document.error().what;
}

TEST(Document, CutsALongSyntaxError) {
  const auto document = Document::parse("{\"a\":" + std::string(100'000, 'x') + "}");
  ASSERT_FALSE(document);
  EXPECT_LT(document.error().what.size(), 300U);
}

TEST(Document, AcceptsNestingUpToTheLimitOnly) {
  EXPECT_EQ(code_for(nested(Document::kMaxDepth)), 0);
  EXPECT_EQ(code_for(nested(Document::kMaxDepth + 1)), kDecodeFailure);
  EXPECT_EQ(code_for(nested(1'000'000)), kDecodeFailure);
}

TEST(Document, AcceptsTextUpToTheLimitOnly) {
  std::string text = R"({"a":")" + std::string(Document::kMaxSize - 8, 'x') + "\"}";
  ASSERT_EQ(text.size(), Document::kMaxSize);
  EXPECT_EQ(code_for(text), 0);
  text += ' ';
  EXPECT_EQ(code_for(text), kDecodeFailure);
}

TEST(Document, RefusesNulInStringsAndKeysAndNamesThePath) {
  const auto value = Document::parse(R"({"ipam":{"ranges":[[{}],["a\u0000b"]]}})");
  ASSERT_FALSE(value);
  EXPECT_EQ(code_of(value.error()), kInvalidConfig);
  EXPECT_NE(value.error().what.find("ipam.ranges[1][0]"), std::string::npos) << value.error().what;
  EXPECT_EQ(code_for(R"({"a\u0000":1})"), kInvalidConfig);
}

TEST(Document, TakesTheLastOfRepeatedKeysAndReportsThem) {
  std::vector<std::string> lines;
  const Logger log([&](LogLevel, std::string_view id, std::string_view text) {
    lines.push_back(std::string(id) + " " + std::string(text.substr(0, text.find(':'))));
  });
  const auto document = Document::parse(R"({"a":{"b":1,"b":{"c":2}},"d":[{"e":1,"e":2}]})", &log);
  ASSERT_TRUE(document);
  EXPECT_EQ(lines, (std::vector<std::string>{"FL5002 a.b", "FL5002 d[0].e"}));
  const auto a = (*document)->root().member("a");
  const auto b = a->member("b");
  EXPECT_EQ(*b->integer("c", 0, 9), 2);
}

TEST(Document, TakesAKeyOfAnotherCaseWithOneWarning) {
  std::vector<std::string> lines;
  const Logger log([&](LogLevel, std::string_view id, std::string_view text) {
    lines.push_back(std::string(id) + ' ' + std::string(text));
  });
  const auto document =
      Document::parse(R"({"Ipam":{"TYPE":"host-local"},"isgateway":true,"isGateway":false})", &log);
  ASSERT_TRUE(document);
  const Node root = (*document)->root();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(*root.member("ipam")->string("type"), "host-local");
    EXPECT_EQ(*root.boolean("isGateway", true), false) << "the exact key wins";
  }
  EXPECT_EQ(lines,
            (std::vector<std::string>{"FL5001 Ipam: taken for 'ipam', which is its right spelling",
                                      "FL5001 Ipam.TYPE: taken for 'type', which is its right spelling"}));
}

TEST(Document, NamesThePathAndBothTypesOfAWrongOne) {
  const auto document = parsed(R"({"ipam":{"ranges":[[{}, {"subnet": 5}]]}, "mtu": "1500"})");
  const Node root = document->root();
  const auto ranges = root.member("ipam")->items("ranges");
  const auto subnet = (*(*ranges)[0].items())[1].network("subnet");
  ASSERT_FALSE(subnet);
  EXPECT_EQ(subnet.error().what, "ipam.ranges[0][1].subnet: must be a string, not a number");
  EXPECT_EQ(code_of(subnet.error()), kInvalidConfig);
  EXPECT_EQ(root.integer("mtu", 0, 9).error().what, "mtu: must be an integer, not a string");
  EXPECT_EQ(root.items("ipam").error().what, "ipam: must be an array, not an object");
  EXPECT_EQ(root.member("mtu")->member("x").error().what, "mtu: must be an object, not a string");
  EXPECT_EQ(root.required_string("name").error().what, "name: is missing, must be a string");
}

TEST(Document, RefusesNumbersOutsideTheirRange) {
  const auto document =
      parsed(R"({"a":-1,"b":10,"c":1.0,"d":1e3,"e":18446744073709551615,"f":99999999999999999999})");
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) {
    const auto value = document->root().integer(key, 0, 9);
    ASSERT_FALSE(value) << key;
    EXPECT_EQ(value.error().what.find(std::string(key) + ": must be an integer from 0 to 9, not "), 0U)
        << value.error().what;
  }
}

TEST(Document, CountsNullAsAbsentButKnowsItIsThere) {
  const auto document = parsed(R"({"a":null})");
  const Node root = document->root();
  EXPECT_EQ(*root.string("a"), std::nullopt);
  EXPECT_EQ(root.items("a")->size(), 0U);
  EXPECT_TRUE(*root.has_member("a"));
  EXPECT_FALSE(*root.has_member("b"));
  EXPECT_EQ(*root.member("a")->member("b")->string("c"), std::nullopt);
}

TEST(Document, ReadsAddressesAndTakesAnEmptyOneForAbsent) {
  const auto document =
      parsed(R"({"a":"10.1.2.3","b":"10.1.2.3/24","c":"10.1.2.0/24","d":"","e":"10.1.2.3/33"})");
  const Node root = document->root();
  EXPECT_EQ((*root.ip("a"))->to_string(), "10.1.2.3");
  EXPECT_EQ((*root.iface_address("b"))->to_string(), "10.1.2.3/24");
  EXPECT_EQ((*root.network("c"))->to_string(), "10.1.2.0/24");
  EXPECT_EQ(*root.ip("d"), std::nullopt);
  EXPECT_EQ(root.iface_address("e").error().what.find("e: "), 0U);
  EXPECT_FALSE(root.network("b"));
}

}  // namespace
}  // namespace fairlead::cni
