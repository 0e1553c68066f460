#include "base/quote.hpp"

namespace fairlead {

std::string quoted(std::string_view text) {
  constexpr std::size_t kMax = 64;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text.substr(0, kMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  if (text.size() > kMax) out += "...";
  return out + "'";
}

}  // namespace fairlead
