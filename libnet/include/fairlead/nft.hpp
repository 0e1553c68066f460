// nftables as values: a table's skeleton (chains, sets, a fixed number of rules) and the elements that
// carry everything per attachment. Names and semantics are those of nft(8).
//
// Limits are the kernel's; what exceeds them is refused with kInvalid before anything is sent: names have 1
// to 255 bytes, a key 1 to 64, data at most 64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "fairlead/ids.hpp"
#include "fairlead/ip_address.hpp"

namespace fairlead::nft {

/// Tables of our own are of the first two; iptables-nft has its in the other two.
enum class Family : std::uint8_t { kInet, kBridge, kIp, kIp6 };
[[nodiscard]] const char* to_string(Family family);

using Bytes = std::vector<std::uint8_t>;

/// A named set or map of one of our tables.
struct SetRef {
  Family family = Family::kInet;
  std::string table;
  std::string set;
  auto operator<=>(const SetRef&) const = default;
};

/// A chain of some table, ours or another program's.
struct ChainRef {
  Family family = Family::kInet;
  std::string table;
  std::string chain;
  auto operator<=>(const ChainRef&) const = default;
};

/// One element of a set (no data) or of a map. `key` and `data` hold the concatenated fields as the
/// kernel wants them: network order, each field padded to four bytes unless it is the only one (see
/// KeyBuilder).
struct Element {
  SetRef set;
  Bytes key;
  Bytes data{};
  std::string comment{};  ///< stored as stored_comment(comment), which is what a query returns
  bool operator==(const Element&) const = default;
};

/// The form in which a comment is stored: at most 127 bytes, and every byte that is not printable ASCII,
/// and the double quote, replaced by '?'. nft(8) prints comments unescaped and its JSON writer stops at
/// a byte that is not UTF-8, so anything else would make our tables unlistable or not loadable again.
[[nodiscard]] std::string stored_comment(std::string_view text);

/// Builds the key or data of an element field by field.
class KeyBuilder {
 public:
  KeyBuilder& ifname(const LinkName& name);  ///< 16 bytes, zero-filled
  KeyBuilder& address(const IpAddress& address);
  KeyBuilder& u8(std::uint8_t value);     ///< e.g. inet_proto
  KeyBuilder& be16(std::uint16_t value);  ///< e.g. inet_service
  [[nodiscard]] Bytes take();

 private:
  KeyBuilder& field(const std::uint8_t* data, std::size_t size);
  Bytes bytes_;
  std::size_t fields_ = 0;
};

/// Field types of keys and data, with nft's type numbers (datatype.h of nftables).
enum class FieldType : std::uint8_t {
  kNfproto = 2,
  kIpv4Addr = 7,
  kIpv6Addr = 8,
  kEtherAddr = 9,
  kInetProto = 12,
  kInetService = 13,
  kMark = 19,
  kIfname = 41,
};

/// Sets and maps are hash tables: constant cost per lookup and per change (no intervals). A key has 1 to 5
/// fields, data at most 5.
///
/// A name that ends in 4 or 6 says that the address in the keys is of that family: describe() prints keys of
/// one address, or of one address and one link name, by it. The keys of other sets it prints as hexadecimal.
struct SetSpec {
  std::string name;
  std::vector<FieldType> key;
  std::vector<FieldType> data{};  ///< empty: a set, else a map
  bool operator==(const SetSpec&) const = default;
};

// Expressions of a rule. Registers are assigned by the encoder: a `load` list is concatenated and then
// looked up or compared as a whole. It has 1 to 64 bytes, each load padded to four; a value and a mask are
// as long as the field that they are compared with.
enum class MetaKey : std::uint8_t { kIifname, kOifname, kL4proto, kNfproto, kMark };
struct MetaLoad {
  MetaKey key;
  bool operator==(const MetaLoad&) const = default;
};
enum class PayloadField : std::uint8_t {
  kIpSaddr,
  kIpDaddr,
  kIp6Saddr,
  kIp6Daddr,
  kThSport,
  kThDport,
  kEtherSaddr,
  kEtherDaddr,
};
struct PayloadLoad {
  PayloadField field;
  bool operator==(const PayloadLoad&) const = default;
};
using Load = std::variant<MetaLoad, PayloadLoad>;

/// `load . load @set`, or `!= @set`.
struct Lookup {
  std::vector<Load> load;
  std::string set;
  bool invert = false;
  bool operator==(const Lookup&) const = default;
};
/// `load == value`, or `!=`; with a mask `load & mask == value`.
struct Compare {
  Load load;
  Bytes value;   ///< network order; host order for kMark
  Bytes mask{};  ///< empty: all bits
  bool invert = false;
  bool operator==(const Compare&) const = default;
};
enum class VerdictKind : std::uint8_t { kAccept, kDrop, kReturn, kJump, kGoto };
struct Verdict {
  VerdictKind kind;
  std::string chain{};  ///< for kJump and kGoto, else empty
  bool operator==(const Verdict&) const = default;
};
struct Masquerade {
  bool operator==(const Masquerade&) const = default;
};
using Expr = std::variant<Lookup, Compare, Verdict, Masquerade>;

/// One rule: its expressions from left to right. They come to at most 128 expressions of the kernel's, where
/// every load counts for up to three and every lookup and comparison for one or two more.
struct RuleSpec {
  std::string chain;
  std::vector<Expr> exprs;
  std::string comment{};
  bool operator==(const RuleSpec&) const = default;
};

enum class ChainType : std::uint8_t { kRegular, kFilter, kNat };
enum class Hook : std::uint8_t { kPrerouting, kInput, kForward, kOutput, kPostrouting };

struct ChainSpec {
  std::string name;
  ChainType type = ChainType::kRegular;
  Hook hook = Hook::kForward;  ///< base chains only
  std::int32_t priority = 0;   ///< base chains only
  bool operator==(const ChainSpec&) const = default;
};

/// The fixed part of a table. `layout` is stored in the table's comment ("<name> layout <n>"), so that
/// another version can tell what it found and upgrade in one transaction, and so that it survives an
/// `nft list ruleset` that is loaded again. Base chains have policy accept.
///
/// `layout` is at least 1, and the comment has at most 127 bytes, which limits the name.
///
/// Sets that two layouts have in common keep their elements in an upgrade; a set whose type changes must
/// therefore change its name.
struct TableSpec {
  Family family = Family::kInet;
  std::string name;
  std::uint32_t layout = 1;
  std::vector<SetSpec> sets{};
  std::vector<ChainSpec> chains{};
  std::vector<RuleSpec> rules{};
  bool operator==(const TableSpec&) const = default;
};

/// The table as `nft list table` prints it while its sets are empty (nft 1.0.6).
[[nodiscard]] std::string to_text(const TableSpec& table);

}  // namespace fairlead::nft
