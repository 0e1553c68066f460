// Decoding what nf_tables sends back. Everything is checked: another program may have made the objects. A
// message in which a length is wrong is an error (kIo), never a shorter answer.
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fairlead/nft.hpp"
#include "nft/decide.hpp"
#include "nft/socket.hpp"

namespace fairlead::nft {

struct TableReply {
  std::string comment;    ///< from the user data, empty if there is none
  std::uint32_t use = 0;  ///< chains, sets, objects and flowtables of the table
};
[[nodiscard]] Result<TableReply> parse_table(const nlmsghdr* message);

/// NFTA_CHAIN_USE: its rules and the jumps to it.
[[nodiscard]] Result<std::uint32_t> parse_chain_use(const nlmsghdr* message);
/// The rule in a NFT_MSG_NEWRULE.
[[nodiscard]] Result<RuleState> parse_rule(const nlmsghdr* message);
[[nodiscard]] Result<std::uint32_t> parse_generation(const nlmsghdr* message);

/// The elements in a NFT_MSG_NEWSETELEM. Elements without a key (catch-all) are left out.
[[nodiscard]] Result<std::vector<Element>> parse_elements(const SetRef& set, const nlmsghdr* message);

/// The attribute that begins at `offset` of a message of ours (NLMSGERR_ATTR_OFFS), with those around it:
/// "NFTA_SET_ELEM_LIST_ELEMENTS.NFTA_LIST_ELEM.NFTA_SET_ELEM_KEY"; empty if there is none.
[[nodiscard]] std::string attribute_path(const nlmsghdr* message, std::uint32_t offset);

/// What the kernel said about a message of ours; `operation` as in "create chain a of table inet t". ENOENT
/// for a chain type or an expression that no module provides is kUnsupported, not kNotFound.
[[nodiscard]] Error error_of(const Ack& ack, const std::string& operation, const nlmsghdr* request);

}  // namespace fairlead::nft
