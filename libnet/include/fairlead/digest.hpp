// SHA-256 (FIPS 180-4), for names that are derived from what they name.
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

/// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);

/// RFC 4648 base32 in lower case, without padding: safe in link names.
[[nodiscard]] std::string to_base32(std::span<const std::uint8_t> bytes);

}  // namespace fairlead
