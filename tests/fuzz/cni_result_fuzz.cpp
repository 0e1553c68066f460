// A foreign plugin's standard output: a result or an error object.
#include <cstdlib>

#include "plugins/cni/result_json.hpp"

namespace {

using namespace fairlead;
using namespace fairlead::cni;

void require(bool holds) {
  if (!holds) std::abort();
}

Result<AddResult> decode(std::string_view text) {
  FAIRLEAD_TRY(const auto document, Document::parse(text));
  return decode_result(document->root(), SpecVersion(1, 1, 0), DanglingIndex::kDrop);
}

/// Whatever was read can be told in every version that can tell it, and read again; in the newest one
/// nothing gets lost.
void check_round_trips(const AddResult& result) {
  for (const std::string& name : SpecVersion::supported()) {
    const SpecVersion version = *SpecVersion::parse(name);
    const auto text = encode_result(result, version);
    require(text.has_value() == check_expressible(result, version).has_value());
    if (!text) continue;
    const auto again = decode(*text);
    require(again.has_value());
    require(again->ips.size() == result.ips.size());
    if (version == SpecVersion(1, 1, 0)) require(*again == result);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto error = decode_error(text)) require(error->code > 0);
  if (const auto result = decode(text)) check_round_trips(*result);
  return 0;
}
