// What an rtnetlink message number means: for traces and for the attribute path of an error.
#pragma once

#include "nl/attr.hpp"

namespace fairlead::nl {

struct MessageFormat {
  const char* name;
  std::size_t header;  ///< size of the fixed header behind the nlmsghdr
  const AttrTable* table;
};

/// The format of an rtnetlink message, or nothing for a number that is not ours.
[[nodiscard]] std::optional<MessageFormat> rtnetlink_format(std::uint16_t type);

/// The names from the outermost attribute to the one whose header is at `offset` from the start of
/// `message`: "IFLA_LINKINFO.IFLA_INFO_KIND". Unknown ones are given by number ("attribute 77");
/// empty if no attribute is there.
[[nodiscard]] std::string attribute_path(ByteView message, std::size_t offset);

/// The same for attribute `missing` of the nest at `nest_offset` (nothing: of the message itself).
[[nodiscard]] std::string missing_attribute_path(ByteView message, std::optional<std::size_t> nest_offset,
                                                 std::uint16_t missing);

/// One line: "RTM_NEWLINK seq 3 flags 0x605 IFLA_IFNAME=veth0 IFLA_LINKINFO{IFLA_INFO_KIND=veth ...}".
[[nodiscard]] std::string format_message(ByteView message);

}  // namespace fairlead::nl
