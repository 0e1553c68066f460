#include "fairlead/mac_address.hpp"

#include <algorithm>

#include "base/quote.hpp"

namespace fairlead {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Unexpected not_a_mac(std::string_view text) {
  return {Errc::kInvalid,
          quoted(text) + " is not an Ethernet address: want six octets like 02:42:ac:11:00:02"};
}

}  // namespace

Result<MacAddress> MacAddress::parse(std::string_view text) {
  const std::size_t first = text.find_first_of(":-");
  if (first == std::string_view::npos) return not_a_mac(text);
  const char separator = text[first];
  std::array<std::uint8_t, kSize> bytes{};
  std::size_t at = 0;
  for (std::size_t octet = 0; octet < kSize; ++octet) {
    if (octet > 0 && (at >= text.size() || text[at++] != separator)) return not_a_mac(text);
    int value = at < text.size() ? hex_digit(text[at++]) : -1;
    if (value < 0) return not_a_mac(text);
    if (at < text.size() && hex_digit(text[at]) >= 0) value = value * 16 + hex_digit(text[at++]);
    bytes[octet] = static_cast<std::uint8_t>(value);
  }
  if (at != text.size()) return not_a_mac(text);
  return MacAddress(bytes);
}

MacAddress MacAddress::local_from(std::span<const std::uint8_t> seed) {
  std::array<std::uint8_t, kSize> bytes{};
  std::copy_n(seed.begin(), kSize, bytes.begin());
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0xfcU) | 0x02U);
  return MacAddress(bytes);
}

std::string MacAddress::to_string() const {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(3 * kSize);
  for (const std::uint8_t byte : bytes_) {
    if (!text.empty()) text += ':';
    text += kHex[byte >> 4U];
    text += kHex[byte & 15U];
  }
  return text;
}

}  // namespace fairlead
