// Reading a plugin's answer, and the four calls that most cases are made of.
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/world.hpp"

namespace fairlead::conformance {
namespace {

/// Length of the first JSON value in `text`: brackets are counted outside of strings.
std::size_t value_length(const std::string& text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return text.size();
}

}  // namespace

void require(bool holds, const std::string& otherwise) {
  if (!holds) fail(otherwise);
}

void require_equal(const std::string& actual, const std::string& expected, const std::string& what) {
  if (actual != expected) fail(what + " is '" + actual + "', expected '" + expected + "'");
}

void fail(const std::string& reason) { throw Failure(reason); }

std::vector<Json> Reply::documents() const {
  std::vector<Json> documents;
  std::string rest = out;
  for (;;) {
    const auto start = rest.find_first_not_of(" \t\r\n");
    if (start == std::string::npos) return documents;
    rest = rest.substr(start);
    const auto length = value_length(rest);
    auto value = Json::parse(rest.substr(0, length), nullptr, false);
    if (value.is_discarded()) fail("standard output is not JSON: " + rest.substr(0, 200));
    documents.push_back(std::move(value));
    rest = rest.substr(length);
  }
}

Json Reply::document() const {
  const auto all = documents();
  if (all.size() != 1) fail(std::to_string(all.size()) + " JSON documents on standard output: " + describe());
  return all.front();
}

int Reply::code() const {
  const Json error = document();
  if (!error.contains("code") || !error.at("code").is_number_integer()) fail("no error code: " + describe());
  return error.at("code").get<int>();
}

std::string Reply::message() const {
  const Json error = document();
  return error.value("msg", std::string()) +
         (error.contains("details") ? "; " + error.value("details", "") : "");
}

std::string Reply::describe() const {
  std::string text = "exit " + std::to_string(exit_code) + ", stdout '" + out.substr(0, 400) + "'";
  if (!err.empty()) text += ", stderr '" + err.substr(0, 200) + "'";
  return text;
}

Json config(const World& world, const std::string& type, const std::string& network) {
  return {{"cniVersion", world.version()}, {"name", network}, {"type", type}};
}

Json attach(const World& world, const Json& config, const Attachment& attachment) {
  const auto reply = world.call("ADD", config, attachment);
  if (!reply.ok()) fail("ADD " + attachment.container + " failed: " + reply.describe());
  const Json result = reply.document();
  require_valid_result(result, config.at("cniVersion").get<std::string>());
  return result;
}

void detach(const World& world, const Json& config, const Attachment& attachment, const Json& result) {
  Json request = config;
  if (world.since("0.4.0") && !result.is_null()) request["prevResult"] = result;
  const auto reply = world.call("DEL", request, attachment);
  if (!reply.ok()) fail("DEL " + attachment.container + " failed: " + reply.describe());
  require(reply.documents().empty(), "DEL printed something: " + reply.describe());
}

Reply check(const World& world, Json config, const Attachment& attachment, const Json& result) {
  config["prevResult"] = result;
  return world.call("CHECK", config, attachment);
}

Reply must_fail(const Reply& reply, const std::string& what, int code) {
  require(!reply.ok(), what + " succeeded: " + reply.describe());
  const int got = reply.code();
  require(code == 0 || got == code, what + " gave code " + std::to_string(got) + ", expected " +
                                        std::to_string(code) + ": " + reply.message());
  require(!reply.message().empty(), what + " gave no message");
  return reply;
}

}  // namespace fairlead::conformance
