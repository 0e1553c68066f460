#include "plugins/cni/json_reader_json.hpp"

#include "libnet/src/base/quote.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {
namespace {

using Json = nlohmann::json;

/// What the parser calls for each token (nlohmann's SAX interface). The library's own tree builder knows
/// no limit of depth and drops all but the last of repeated keys without a word.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::size_t max_depth) : max_depth_(max_depth) {}

  [[nodiscard]] Result<JsonReading> finish(bool complete) && {
    if (!complete) return Unexpected(std::move(error_));
    return std::move(reading_);
  }

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(Json::number_integer_t value) { return put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return put(value); }
  bool number_float(Json::number_float_t value, const std::string& /*text*/) { return put(value); }
  bool string(std::string& value) {
    Json* place = put_value(std::move(value));
    if (place->get_ref<const std::string&>().find('\0') == std::string::npos) return true;
    return refuse_nul("must not contain a NUL");
  }
  bool binary(Json::binary_t& /*value*/) { return false; }  // not in JSON text

  bool start_object(std::size_t /*size*/) { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = levels_.back();
    auto& object = level.container->get_ref<Json::object_t&>();
    const auto [position, is_new] = object.emplace(std::move(name), nullptr);
    level.key = position->first;  // stable: std::map's nodes do not move
    level.member = &position->second;
    if (!is_new) reading_.repeated_keys.push_back(path());
    if (level.key.find('\0') == std::string_view::npos) return true;
    return refuse_nul("a key must not contain a NUL");
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& reason) {
    constexpr std::size_t kLongest = 240;
    std::string text = reason.what();
    if (const auto end_of_id = text.find("] "); end_of_id != std::string::npos) text.erase(0, end_of_id + 2);
    if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
    error_ = decode_failure(std::move(text));
    return false;
  }

 private:
  struct Level {
    Json* container;
    std::string_view key{};  ///< of an object: the key whose value comes next or came last
    Json* member = nullptr;  ///< of an object: that value
  };

  static Error decode_failure(std::string what) { return fail(kDecodeFailure, std::move(what)).take(); }

  bool refuse_nul(const char* reason) {
    error_ = fail(kInvalidConfig, fairlead::quoted(path()) + ": " + reason).take();
    return false;
  }

  [[nodiscard]] std::string path() const {
    std::string text;
    for (const Level& level : levels_) {
      if (level.container->is_array()) {
        text += '[' + std::to_string(level.container->size() - 1) + ']';
      } else {
        if (!text.empty()) text += '.';
        text += level.key;
      }
    }
    return text;
  }

  template <class T>
  Json* put_value(T&& value) {
    if (levels_.empty()) {
      reading_.root = std::forward<T>(value);
      return &reading_.root;
    }
    Level& level = levels_.back();
    if (level.container->is_array()) {
      level.container->push_back(std::forward<T>(value));
      return &level.container->back();
    }
    *level.member = std::forward<T>(value);
    return level.member;
  }

  template <class T>
  bool put(T&& value) {
    put_value(std::forward<T>(value));
    return true;
  }

  bool open(Json container) {
    if (levels_.size() == max_depth_) {
      error_ = decode_failure("more than " + std::to_string(max_depth_) + " levels of nesting");
      return false;
    }
    levels_.push_back(Level{.container = put_value(std::move(container))});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  std::size_t max_depth_;
  JsonReading reading_;
  std::vector<Level> levels_;  ///< containers that are open; none of them moves while it is
  Error error_;
};

}  // namespace

Result<JsonReading> read_json(std::string_view text, std::size_t max_size, std::size_t max_depth) {
  if (text.size() > max_size) {
    return fail(kDecodeFailure, "JSON of more than " + std::to_string(max_size) + " bytes");
  }
  TreeBuilder builder(max_depth);
  const bool complete = Json::sax_parse(text, &builder);
  return std::move(builder).finish(complete);
}

}  // namespace fairlead::cni
