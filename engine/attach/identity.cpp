#include "engine/attach/identity.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

#include "fairlead/digest.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::engine {
namespace {

constexpr std::size_t kAliasLimit = 255;
constexpr std::string_view kAliasPrefix = "fairlead ";

const char* fault_in(const std::string& text) {
  const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
  if (text.empty()) return "is empty";
  if (text.size() > kAliasLimit) return "has more than 255 bytes";
  if (text.front() == '.') return "starts with a dot";
  if (text.find('/') != std::string::npos) return "holds a '/'";
  if (std::any_of(text.begin(), text.end(), is_blank)) return "holds white space or a control byte";
  return nullptr;
}

Result<void> check_part(const char* what, const std::string& text) {
  const char* const fault = fault_in(text);
  if (fault == nullptr) return {};
  return Unexpected(Errc::kInvalid, std::string(what) + " " + quoted(text) + " " + fault);
}

MacAddress random_mac() {
  std::array<std::uint8_t, MacAddress::kSize> bytes{};
  // Never short for so few bytes once the pool is ready (getrandom(2)); a broken kernel is not survivable.
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  return MacAddress::local_from(bytes);
}

}  // namespace

std::optional<AttachmentKey> parse_key(std::string_view hex) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  AttachmentKey key{};
  if (hex.size() != 2 * key.size() || hex.find_first_not_of(kDigits) != std::string_view::npos) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::uint8_t>(kDigits.find(hex[2 * i]) * 16 + kDigits.find(hex[2 * i + 1]));
  }
  return key;
}

Identity::Identity(std::string network, std::string container_id, LinkName ifname)
    : network_(std::move(network)), container_id_(std::move(container_id)), ifname_(std::move(ifname)) {
  const Sha256 digest = sha256_of({network_, container_id_, ifname_.str()});
  std::copy_n(digest.begin(), key_.size(), key_.begin());
}

Result<Identity> Identity::make(std::string network, std::string container_id, LinkName ifname) {
  FAIRLEAD_CHECK(check_part("network name", network));
  FAIRLEAD_CHECK(check_part("container id", container_id));
  return Identity(std::move(network), std::move(container_id), std::move(ifname));
}

std::string Identity::key_hex() const { return to_hex(key_); }

std::string Identity::path() const { return network_ + "/" + container_id_ + "/" + ifname_.str(); }

LinkName Identity::host_link() const { return host_link_of(key_); }

std::string Identity::link_alias() const {
  return (std::string(kAliasPrefix) + path()).substr(0, kAliasLimit);
}

std::string Identity::element_comment() const { return key_hex() + " " + path(); }

MacAddress Identity::mac(std::string_view role) const {
  return MacAddress::local_from(sha256_of({network_, container_id_, ifname_.str(), role}));
}

LinkName host_link_of(const AttachmentKey& key) {
  return *LinkName::parse("veth" + to_base32(key).substr(0, 11));
}

std::optional<std::string_view> path_in_alias(std::string_view alias) {
  if (!alias.starts_with(kAliasPrefix)) return std::nullopt;
  return alias.substr(kAliasPrefix.size());
}

AttachmentNames names_of(const Identity& identity, const std::optional<MacAddress>& container_mac) {
  return AttachmentNames{.host_link = identity.host_link(),
                         .container_link = identity.ifname(),
                         .host_mac = identity.mac("host"),
                         .container_mac = container_mac.value_or(identity.mac("container")),
                         .new_bridge_mac = random_mac(),
                         .link_alias = identity.link_alias(),
                         .element_comment = identity.element_comment()};
}

}  // namespace fairlead::engine
