// SHA-2 (FIPS 180-4), for names that are derived from what they name.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace fairlead {

using Sha256 = std::array<std::uint8_t, 32>;

/// The digest of the parts joined by NUL bytes, so that ("ab", "c") and ("a", "bc") differ.
[[nodiscard]] Sha256 sha256_of(std::initializer_list<std::string_view> parts);

/// The digest of one text, as the reference plugins derive their names.
using Sha512 = std::array<std::uint8_t, 64>;
[[nodiscard]] Sha512 sha512_of(std::string_view text);

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);

/// RFC 4648 base32 in lower case, without padding: safe in link names.
[[nodiscard]] std::string to_base32(std::span<const std::uint8_t> bytes);

}  // namespace fairlead
