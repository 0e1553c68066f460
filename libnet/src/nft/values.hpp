// What the encoder and the text form know about nft's field types.
#pragma once

#include <span>
#include <string>

#include "fairlead/nft.hpp"

namespace fairlead::nft {

/// Bytes of a field without padding.
[[nodiscard]] std::size_t size_of(FieldType type);
/// nft's name of the type ("ipv4_addr").
[[nodiscard]] const char* name_of(FieldType type);
/// Bytes of a key or a data value: the fields of a concatenation are padded to four bytes, as they are in
/// registers; a single field has its own size.
[[nodiscard]] std::size_t key_size(std::span<const FieldType> fields);
/// The number that nft stores for a type or a concatenation of types: six bits per field.
[[nodiscard]] std::uint32_t packed_type(std::span<const FieldType> fields);
/// The type of what a load puts into its register.
[[nodiscard]] FieldType type_of(const Load& load);
/// NFPROTO_* of the family.
[[nodiscard]] std::uint16_t protocol_of(Family family);

/// The table comment that carries the layout number.
[[nodiscard]] std::string layout_comment(const std::string& table, std::uint32_t layout);
/// The number in such a comment, or 0 if it is none.
[[nodiscard]] std::uint32_t layout_of(const std::string& table, std::string_view comment);

}  // namespace fairlead::nft
