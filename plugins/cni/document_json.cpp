#include "plugins/cni/document_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "libnet/src/base/quote.hpp"
#include "plugins/cni/json_reader_json.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {
namespace {

using Json = nlohmann::json;

bool same_but_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

const char* type_name(const Json* value) {
  if (value == nullptr) return "absent";
  switch (value->type()) {
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::null:
      return "null";
    default:
      return "a number";
  }
}

}  // namespace

struct Document::Content {
  Json root;
  const Logger* log = nullptr;
  mutable std::set<std::string> warned;
};

Document::Document(std::unique_ptr<Content> content) : content_(std::move(content)) {}
Document::~Document() = default;

Result<std::shared_ptr<const Document>> Document::parse(std::string_view text, const Logger* log) {
  FAIRLEAD_TRY(JsonReading reading, read_json(text, kMaxSize, kMaxDepth));
  if (!reading.root.is_object()) {
    return fail(kDecodeFailure, std::string("must be a JSON object, not ") + type_name(&reading.root));
  }
  auto content = std::make_unique<Content>();
  content->root = std::move(reading.root);
  content->log = log;
  if (log != nullptr) {
    for (const std::string& path : reading.repeated_keys) {
      log->warning("FL5002", path + ": key given more than once, the last value counts");
    }
  }
  return std::shared_ptr<const Document>(new Document(std::move(content)));
}

Node Document::root() const { return Node(this, &content_->root, {}); }

void Document::warn_of_case(const std::string& path, std::string_view wanted) const {
  if (content_->log == nullptr || !content_->warned.insert(path).second) return;
  content_->log->warning("FL5001",
                         path + ": taken for " + fairlead::quoted(wanted) + ", which is its right spelling");
}

bool Node::present() const { return value_ != nullptr && !value_->is_null(); }

std::string Node::child_path(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

Unexpected Node::invalid(const std::string& reason) const {
  return fail(kInvalidConfig, (path_.empty() ? "the configuration" : path_) + ": " + reason);
}

Unexpected Node::wrong_type(const char* expected) const {
  if (!present()) return invalid(std::string("is missing, must be ") + expected);
  return invalid(std::string("must be ") + expected + ", not " + type_name(value_));
}

Result<Node> Node::member(std::string_view key) const {
  if (!present()) return Node(document_, nullptr, child_path(key));
  if (!value_->is_object()) return wrong_type("an object");
  if (const auto exact = value_->find(key); exact != value_->end()) {
    return Node(document_, &*exact, child_path(key));
  }
  for (const auto& [name, value] : value_->get_ref<const Json::object_t&>()) {
    if (!same_but_case(name, key)) continue;
    document_->warn_of_case(child_path(name), key);
    return Node(document_, &value, child_path(name));
  }
  return Node(document_, nullptr, child_path(key));
}

Result<bool> Node::has_member(std::string_view key) const {
  FAIRLEAD_TRY(const Node node, member(key));
  return node.value_ != nullptr;
}

Result<std::vector<Node>> Node::items() const {
  std::vector<Node> nodes;
  if (!present()) return nodes;
  if (!value_->is_array()) return wrong_type("an array");
  for (std::size_t i = 0; i < value_->size(); ++i) {
    nodes.push_back(Node(document_, &(*value_)[i], path_ + '[' + std::to_string(i) + ']'));
  }
  return nodes;
}

Result<std::vector<Node>> Node::items(std::string_view key) const {
  FAIRLEAD_TRY(const Node node, member(key));
  return node.items();
}

Result<std::vector<std::pair<std::string, Node>>> Node::members() const {
  std::vector<std::pair<std::string, Node>> nodes;
  if (!present()) return nodes;
  if (!value_->is_object()) return wrong_type("an object");
  for (const auto& [name, value] : value_->get_ref<const Json::object_t&>()) {
    nodes.emplace_back(name, Node(document_, &value, child_path(name)));
  }
  return nodes;
}

Result<std::string> Node::as_string() const {
  if (!present() || !value_->is_string()) return wrong_type("a string");
  return value_->get_ref<const std::string&>();
}

Result<bool> Node::as_boolean() const {
  if (!present() || !value_->is_boolean()) return wrong_type("a boolean");
  return value_->get<bool>();
}

Result<std::int64_t> Node::as_integer(std::int64_t min, std::int64_t max) const {
  if (!present() || !value_->is_number()) return wrong_type("an integer");
  const bool too_big = value_->is_number_unsigned() && value_->get<std::uint64_t>() > INT64_MAX;
  if (value_->is_number_integer() && !too_big) {
    const auto number = value_->get<std::int64_t>();
    if (number >= min && number <= max) return number;
  }
  return invalid("must be an integer from " + std::to_string(min) + " to " + std::to_string(max) + ", not " +
                 value_->dump());
}

Result<std::optional<std::string>> Node::string(std::string_view key) const {
  FAIRLEAD_TRY(const Node node, member(key));
  if (!node.present()) return std::optional<std::string>();
  return node.as_string().transform([](std::string text) { return std::optional(std::move(text)); });
}

Result<std::string> Node::required_string(std::string_view key) const {
  FAIRLEAD_TRY(const Node node, member(key));
  return node.as_string();
}

Result<std::vector<std::string>> Node::strings(std::string_view key) const {
  FAIRLEAD_TRY(const std::vector<Node> nodes, items(key));
  std::vector<std::string> texts;
  for (const Node& node : nodes) {
    FAIRLEAD_TRY(std::string text, node.as_string());
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<std::optional<bool>> Node::boolean(std::string_view key) const {
  FAIRLEAD_TRY(const Node node, member(key));
  if (!node.present()) return std::optional<bool>();
  return node.as_boolean().transform([](bool value) { return std::optional(value); });
}

Result<bool> Node::boolean(std::string_view key, bool fallback) const {
  FAIRLEAD_TRY(const std::optional<bool> value, boolean(key));
  return value.value_or(fallback);
}

Result<std::optional<std::int64_t>> Node::integer(std::string_view key, std::int64_t min,
                                                  std::int64_t max) const {
  FAIRLEAD_TRY(const Node node, member(key));
  if (!node.present()) return std::optional<std::int64_t>();
  return node.as_integer(min, max).transform([](std::int64_t value) { return std::optional(value); });
}

template <class T>
Result<std::optional<T>> Node::parsed(std::string_view key) const {
  FAIRLEAD_TRY(const Node node, member(key));
  if (!node.present()) return std::optional<T>();
  FAIRLEAD_TRY(const std::string text, node.as_string());
  if (text.empty()) return std::optional<T>();
  auto value = T::parse(text);
  if (!value) return node.invalid(value.error().what);
  return std::optional<T>(*std::move(value));
}

Result<std::optional<IpAddress>> Node::ip(std::string_view key) const { return parsed<IpAddress>(key); }
Result<std::optional<IfaceAddress>> Node::iface_address(std::string_view key) const {
  return parsed<IfaceAddress>(key);
}
Result<std::optional<IpNetwork>> Node::network(std::string_view key) const { return parsed<IpNetwork>(key); }
Result<std::optional<MacAddress>> Node::mac(std::string_view key) const { return parsed<MacAddress>(key); }

std::string Node::dump() const {
  if (!present()) return "null";
  return value_->dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace fairlead::cni
