#include "fairlead/ids.hpp"

#include <limits>
#include <optional>

#include "base/quote.hpp"

namespace fairlead {
namespace {

// Why a byte may not stand in a link's name; nullptr if it may.
const char* name_byte_fault(unsigned char byte) {
  // The kernel's isspace() is that of Latin-1 (lib/ctype.c): 0xa0 counts, also inside UTF-8 text.
  if (byte == ' ' || byte == 0xa0 || (byte >= '\t' && byte <= '\r')) return "contains white space";
  if (byte < 0x20 || byte == 0x7f) return "contains a control byte";
  if (byte == '/') return "contains '/'";
  if (byte == ':') return "contains ':'";
  // dev_get_valid_name: a name with a '%' is a template, the kernel picks another one ("eth%d").
  if (byte == '%') return "contains '%', which the kernel takes for a template";
  return nullptr;
}

template <class T>
Result<T> ranged(std::int64_t value, std::int64_t low, std::int64_t high, const char* what,
                 T (*make)(std::int64_t)) {
  if (value >= low && value <= high) return make(value);
  return Unexpected(Errc::kInvalid, std::string(what) + " " + std::to_string(value) + " is out of range " +
                                        std::to_string(low) + " to " + std::to_string(high));
}

}  // namespace

Result<LinkName> LinkName::parse(std::string_view text) {
  constexpr std::size_t kMaxLength = 15;  // IFNAMSIZ less its NUL
  const auto invalid = [&](const std::string& why) {
    return Unexpected(Errc::kInvalid, "link name " + quoted(text) + " " + why);
  };
  if (text.empty()) return invalid("is empty");
  if (text.size() > kMaxLength) {
    return invalid("has " + std::to_string(text.size()) + " bytes, more than 15");
  }
  if (text == "." || text == "..") return invalid("is a directory");
  for (const char c : text) {
    if (const char* fault = name_byte_fault(static_cast<unsigned char>(c))) return invalid(fault);
  }
  return LinkName(std::string(text));
}

Result<Mtu> Mtu::make(std::int64_t bytes) {
  return ranged<Mtu>(bytes, 68, std::numeric_limits<std::int32_t>::max(), "MTU",
                     [](std::int64_t value) { return Mtu(static_cast<std::uint32_t>(value)); });
}

Result<VlanId> VlanId::make(std::int64_t id) {
  return ranged<VlanId>(id, 1, 4094, "VLAN id",
                        [](std::int64_t value) { return VlanId(static_cast<std::uint16_t>(value)); });
}

Result<Vni> Vni::make(std::int64_t id) {
  return ranged<Vni>(id, 0, 0xffffff, "VXLAN network identifier",
                     [](std::int64_t value) { return Vni(static_cast<std::uint32_t>(value)); });
}

}  // namespace fairlead
