#include "cli/runtime/json_text_json.hpp"

#include "plugins/cni/document_json.hpp"
#include "plugins/cni/json_reader_json.hpp"

namespace fairlead::cli {

Result<nlohmann::json> parse_object(std::string_view text) {
  FAIRLEAD_TRY(auto reading, cni::read_json(text, cni::Document::kMaxSize, cni::Document::kMaxDepth));
  if (!reading.root.is_object()) return Unexpected(Errc::kInvalid, "must be a JSON object");
  return std::move(reading.root);
}

std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_pretty_text(const nlohmann::json& value) {
  return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace fairlead::cli
