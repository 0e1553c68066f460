// A file in CNI_PATH that is asked for its build id.
#include <algorithm>
#include <cstring>

#include "plugins/cni/build_note.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> file(data, size);
  static_cast<void>(
      fairlead::cni::find_build_id([&](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
        if (offset >= file.size()) return 0;
        const auto rest = file.subspan(static_cast<std::size_t>(offset));
        const std::size_t count = std::min(rest.size(), into.size());
        std::memcpy(into.data(), rest.data(), count);
        return count;
      }));
  return 0;
}
