// An attachment record: our own file, but of any version, and root's editor may have been there.
#include <cstdint>
#include <cstdlib>

#include "engine/attach/record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fairlead::engine;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto record = parse_record(text);
  if (!record) {
    if (record.error().what.empty()) std::abort();
    return 0;
  }
  // What was read is written in a form that reads the same.
  const auto again = parse_record(serialize_record(*record));
  if (!again || again->header != record->header || again->sections != record->sections) std::abort();
  return 0;
}
