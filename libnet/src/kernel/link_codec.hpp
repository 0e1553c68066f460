// RTM_*LINK: LinkSpec to requests, replies to LinkState. What is particular to one kind of link is in
// link_<kind>.cpp.
#pragma once

#include <variant>

#include "fairlead/link.hpp"
#include "nl/encoder.hpp"
#include "nl/link_attrs.hpp"
#include "nl/reader.hpp"

namespace fairlead::kernel {

/// How a request names a link: by index or, for one whose index is not known yet, by name.
using LinkTarget = std::variant<LinkIndex, LinkName>;

/// The numbers that the names of a LinkSpec stand for.
struct LinkRefs {
  std::optional<LinkIndex> master{};
  std::optional<int> peer_netns{};  ///< descriptor of the peer's namespace, if it is another one
};

/// What the kernel does not take from the message that creates a link; `name` and `kind` are as in `spec`.
/// Nothing if there is nothing of the sort.
[[nodiscard]] std::optional<LinkSpec> after_creation(const LinkSpec& spec);

/// RTM_NEWLINK that creates the link, without after_creation()'s part. Its echo tells the index
/// (sys::echoes_new_links()).
[[nodiscard]] Result<std::size_t> add_create(nl::Batch& batch, const LinkSpec& spec, const LinkRefs& refs);

/// RTM_NEWLINK messages, one or two, that change an existing link.
[[nodiscard]] Result<void> add_change(nl::Batch& batch, const LinkTarget& target, const LinkSpec& spec,
                                      const LinkRefs& refs);

[[nodiscard]] Result<std::size_t> add_delete(nl::Batch& batch, LinkIndex index);
[[nodiscard]] Result<std::size_t> add_get(nl::Batch& batch, const LinkTarget& target);
[[nodiscard]] Result<std::size_t> add_list_links(nl::Batch& batch);

/// Reads an RTM_NEWLINK.
[[nodiscard]] Result<LinkState> read_link(const nl::Message& message);

// Kinds. `encode` writes IFLA_INFO_DATA, `read` reads it.
void encode_bridge(nl::Encoder<nl::LinkInfo>& info, const BridgeLink& bridge);
void read_bridge(nl::AttrReader<nl::LinkInfo>& info, LinkState& state);
void encode_veth(nl::Encoder<nl::LinkInfo>& info, const VethLink& veth, const LinkRefs& refs);
void encode_port(nl::Encoder<nl::LinkInfo>& info, const PortOptions& port);
void read_port(nl::AttrReader<nl::LinkInfo>& info, LinkState& state);

}  // namespace fairlead::kernel
