// Identity of an attachment, and the names that are derived from it. Derive before store: whatever state is
// lost, a teardown still finds the links and elements.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/drivers/driver.hpp"

namespace fairlead::engine {

/// K: the first 16 bytes of SHA-256(network NUL container id NUL ifname).
using AttachmentKey = std::array<std::uint8_t, 16>;
/// A key from its 32 lower-case hexadecimal digits; nothing for any other text.
[[nodiscard]] std::optional<AttachmentKey> parse_key(std::string_view hex);

/// One attachment: a container's interface on a network. The three texts have been validated by the
/// protocol in front (for CNI: [A-Za-z0-9][A-Za-z0-9_.-]* and the rules of LinkName).
class Identity {
 public:
  /// kInvalid if a text is empty, holds a '/', a control byte or starts with a dot.
  [[nodiscard]] static Result<Identity> make(std::string network, std::string container_id, LinkName ifname);

  [[nodiscard]] const std::string& network() const { return network_; }
  [[nodiscard]] const std::string& container_id() const { return container_id_; }
  [[nodiscard]] const LinkName& ifname() const { return ifname_; }
  [[nodiscard]] const AttachmentKey& key() const { return key_; }
  [[nodiscard]] std::string key_hex() const;
  /// "network/container/ifname"
  [[nodiscard]] std::string path() const;

  /// `veth` + 11 base32 characters of K: 55 bits, and the prefix that NetworkManager, firewalld and udev
  /// rules know.
  [[nodiscard]] LinkName host_link() const;
  /// IFLA_IFALIAS: "fairlead network/container/ifname", cut at 255 bytes.
  [[nodiscard]] std::string link_alias() const;
  /// Comment of nft elements: "K network/container/ifname"; nft cuts it at 127 bytes, so K comes first.
  [[nodiscard]] std::string element_comment() const;
  /// A locally administered MAC; `role` separates the ends of a pair ("host", "container").
  [[nodiscard]] MacAddress mac(std::string_view role) const;

 private:
  Identity(std::string network, std::string container_id, LinkName ifname);
  std::string network_;
  std::string container_id_;
  LinkName ifname_;
  AttachmentKey key_{};
};

/// What of an attachment's names follows from K alone.
[[nodiscard]] LinkName host_link_of(const AttachmentKey& key);

/// The path in the alias of an attachment's host end, perhaps cut off; nothing in any other alias.
[[nodiscard]] std::optional<std::string_view> path_in_alias(std::string_view alias);

/// The names of an attachment; `container_mac` wins over the derived one. The MAC for a new bridge is random.
[[nodiscard]] AttachmentNames names_of(const Identity& identity,
                                       const std::optional<MacAddress>& container_mac);

}  // namespace fairlead::engine
