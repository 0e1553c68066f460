// Finding a network's configuration in a directory (/etc/cni/net.d).
#pragma once

#include <string>
#include <vector>

#include "cli/runtime/network_list.hpp"

namespace fairlead::cli {

/// The network of that name: *.conflist in lexical order, then *.conf and *.json. A file that cannot be
/// read or parsed does not hide the others; it is reported if the network is found nowhere (kNotFound).
[[nodiscard]] Result<NetworkList> find_network(const std::string& directory, const std::string& name);

/// The network in that file, whatever its name; the ending says of which kind it is.
[[nodiscard]] Result<NetworkList> load_network(const std::string& file);

}  // namespace fairlead::cli
