// One table per attribute family. An entry ties an attribute's number to its family, its type on the wire
// and its name, and everything is driven by it: the encoder (encoder.hpp), the checked decoder (reader.hpp),
// the trace printer (format.hpp) and the attribute path in errors (ext_ack.hpp).
//
//   struct Link {
//     static constexpr Attr<Link, IFLA_MTU, std::uint32_t> mtu{"IFLA_MTU"};
//     static constexpr Nest<Link, IFLA_LINKINFO, LinkInfo> info{"IFLA_LINKINFO"};
//     ...
//   };
//
// An attribute of one family does not compile in a message of another, nor does a value of the wrong type.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "fairlead/ip_address.hpp"

namespace fairlead::nl {

using ByteView = std::span<const std::byte>;

/// Numbers in network order on the wire; in the program they are in host order.
struct Be16 {};
struct Be32 {};
/// A string, with its terminating NUL on the wire.
struct Text {};
/// A string that is sent without a NUL: the kernel's limit counts the bytes as they are (IFLA_IFALIAS, 255).
struct BareText {};
/// Bytes of any length.
struct Octets {};

/// What a value looks like in a trace.
enum class AttrKind : std::uint8_t { kNumber, kSigned, kBigEndian, kText, kOctets, kAddress, kNest };

/// Wire<T>: how a value of declared type T is read and written. read() returns nothing for bytes that are
/// too short; longer ones are fine, since the kernel extends its structures at the end.
template <class T>
struct Wire {
  static_assert(std::is_integral_v<T>);
  using Value = T;
  static constexpr AttrKind kKind = std::is_signed_v<T> ? AttrKind::kSigned : AttrKind::kNumber;
  static std::optional<Value> read(ByteView bytes) {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T value{};
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  static std::array<std::byte, sizeof(T)> write(Value value) {
    return std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
  }
};

template <class T>
struct WireBigEndian {
  using Value = T;
  static constexpr AttrKind kKind = AttrKind::kBigEndian;
  static std::optional<Value> read(ByteView bytes) {
    if (bytes.size() < sizeof(T)) return std::nullopt;
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>((value << 8U) | std::to_integer<T>(bytes[i]));
    }
    return value;
  }
  static std::array<std::byte, sizeof(T)> write(Value value) {
    std::array<std::byte, sizeof(T)> bytes{};
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes[sizeof(T) - 1 - i] = static_cast<std::byte>(value >> (8U * i));
    }
    return bytes;
  }
};
template <>
struct Wire<Be16> : WireBigEndian<std::uint16_t> {};
template <>
struct Wire<Be32> : WireBigEndian<std::uint32_t> {};

template <>
struct Wire<Text> {
  using Value = std::string_view;
  static constexpr AttrKind kKind = AttrKind::kText;
  static std::optional<Value> read(ByteView bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.substr(0, text.find('\0'));
  }
  /// The NUL is a part of the value: a view whose text is not terminated cannot be sent.
  static std::string write(Value value) {
    std::string text(value);
    text.push_back('\0');
    return text;
  }
};

template <>
struct Wire<BareText> {
  using Value = std::string_view;
  static constexpr AttrKind kKind = AttrKind::kText;
  static std::optional<Value> read(ByteView bytes) { return Wire<Text>::read(bytes); }
  static Value write(Value value) { return value; }
};

template <>
struct Wire<Octets> {
  using Value = ByteView;
  static constexpr AttrKind kKind = AttrKind::kOctets;
  static std::optional<Value> read(ByteView bytes) { return bytes; }
  static Value write(Value value) { return value; }
};

template <>
struct Wire<IpAddress> {
  using Value = IpAddress;
  static constexpr AttrKind kKind = AttrKind::kAddress;
  static std::optional<Value> read(ByteView bytes) {
    auto address = IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    if (!address) return std::nullopt;
    return *address;
  }
  static std::span<const std::uint8_t> write(const Value& value) { return value.bytes(); }
};

/// An attribute of `Family` that holds a T.
template <class Family, std::uint16_t kNumber, class T>
struct Attr {
  static constexpr std::uint16_t kType = kNumber;
  const char* name;
};

/// An attribute of `Family` that holds attributes of `Inner`, which may follow a header
/// (VETH_INFO_PEER: an ifinfomsg).
template <class Family, std::uint16_t kNumber, class Inner, class Header = void>
struct Nest {
  static constexpr std::uint16_t kType = kNumber;
  const char* name;
  /// Set where the contents depend on the kind of link: the IFLA_INFO_KIND beside the attribute.
  const char* kind = nullptr;
};

struct AttrTable;

/// The untyped form of an entry, for traces and error paths.
// The order is that of the tables' initialisers. NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct AttrInfo {
  std::uint16_t type = 0;
  const char* name = "";
  AttrKind form = AttrKind::kOctets;
  std::size_t size = 0;  ///< on the wire, for numbers: what the attribute oracle compares with the kernel
  const AttrTable& (*inner)() = nullptr;
  std::size_t inner_header = 0;
  const char* kind = nullptr;

  template <class Family, std::uint16_t kNumber, class T>
  constexpr AttrInfo(Attr<Family, kNumber, T> attr)  // NOLINT(google-explicit-constructor)
      : type(kNumber), name(attr.name), form(Wire<T>::kKind) {
    if constexpr (std::is_integral_v<typename Wire<T>::Value>) size = sizeof(typename Wire<T>::Value);
  }
  template <class Family, std::uint16_t kNumber, class Inner, class Header>
  constexpr AttrInfo(Nest<Family, kNumber, Inner, Header> nest)  // NOLINT(google-explicit-constructor)
      : type(kNumber), name(nest.name), form(AttrKind::kNest), inner(&Inner::table), kind(nest.kind) {
    if constexpr (!std::is_void_v<Header>) inner_header = sizeof(Header);
  }
};

/// All entries of a family.
struct AttrTable {
  std::span<const AttrInfo> attrs;
  /// The number of the attribute beside a kind-dependent nest that tells the kind; 0: none.
  std::uint16_t kind_type = 0;

  /// The entry, or nullptr. `kind` selects among entries of one number.
  [[nodiscard]] const AttrInfo* find(std::uint16_t type, std::string_view kind) const;
};

/// One attribute as it lies in a message.
struct RawAttr {
  std::uint16_t type = 0;  ///< without NLA_F_NESTED and NLA_F_NET_BYTEORDER
  std::size_t offset = 0;  ///< of its header, from the start of the walked bytes
  ByteView payload;
};

/// Walks attributes one after the other; every length is checked.
class AttrWalk {
 public:
  explicit AttrWalk(ByteView bytes) : bytes_(bytes) {}
  /// The next attribute; nothing at the end, and nothing (with malformed() set) where a length is wrong.
  [[nodiscard]] std::optional<RawAttr> next();
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
  bool malformed_ = false;
};

/// The text of the kind attribute among `attrs`, empty if there is none.
[[nodiscard]] std::string_view kind_among(const AttrTable& table, ByteView attrs);

}  // namespace fairlead::nl
