#include "cli/runtime/base64.hpp"

#include <algorithm>
#include <cstdint>

namespace fairlead::cli {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < count ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? kAlphabet[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

Result<std::string> base64_decode(std::string_view text) {
  const auto invalid = [] { return Unexpected(Errc::kInvalid, "not base64"); };
  if (text.size() % 4 != 0) return invalid();
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_padding = i >= text.size() - padding;
    const auto value = is_padding ? 0 : kAlphabet.find(text[i]);
    if (value == std::string_view::npos) return invalid();
    group = group << 6U | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (unsigned shift = 16;; shift -= 8) {
      bytes += static_cast<char>(group >> shift & 255U);
      if (shift == 0) break;
    }
    group = 0;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace fairlead::cli
