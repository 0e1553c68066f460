#include "fairlead/digest.hpp"

#include <sha256.h>  // libmd
#include <sha512.h>

namespace fairlead {

Sha256 sha256_of(std::initializer_list<std::string_view> parts) {
  SHA256_CTX context;
  SHA256Init(&context);
  bool first = true;
  for (std::string_view part : parts) {
    static constexpr std::uint8_t kSeparator = 0;
    if (!first) SHA256Update(&context, &kSeparator, 1);
    SHA256Update(&context, reinterpret_cast<const std::uint8_t*>(part.data()), part.size());
    first = false;
  }
  Sha256 digest{};
  SHA256Final(digest.data(), &context);
  return digest;
}

Sha512 sha512_of(std::string_view text) {
  SHA512_CTX context;
  SHA512Init(&context);
  SHA512Update(&context, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  Sha512 digest{};
  SHA512Final(digest.data(), &context);
  return digest;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::string to_base32(std::span<const std::uint8_t> bytes) {
  static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  unsigned bits = 0;
  std::uint32_t buffer = 0;
  for (std::uint8_t byte : bytes) {
    buffer = (buffer << 8U) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += kAlphabet[(buffer >> (bits - 5)) & 31U];
  }
  if (bits > 0) text += kAlphabet[(buffer << (5 - bits)) & 31U];
  return text;
}

}  // namespace fairlead
