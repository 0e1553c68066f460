#include "cli/observe/view.hpp"

namespace fairlead::cli {

std::optional<LinkPlace> find_peer(const std::vector<NamespaceView>& views, std::size_t self,
                                   const LinkState& link) {
  if (link.kind != "veth" || !link.link) return std::nullopt;
  std::optional<LinkPlace> place;
  for (std::size_t v = 0; v < views.size(); ++v) {
    // IFLA_LINK_NETNSID is there exactly when the peer is in another namespace.
    if ((v == self) == link.link_nsid.has_value()) continue;
    for (std::size_t l = 0; l < views[v].links.size(); ++l) {
      const LinkState& other = views[v].links[l];
      if (other.kind != "veth" || other.index != *link.link || other.link != link.index) continue;
      if (other.link_nsid.has_value() != link.link_nsid.has_value()) continue;
      if (place) return std::nullopt;
      place = LinkPlace{.view = v, .link = l};
    }
  }
  return place;
}

std::string link_name(const NamespaceView& view, LinkIndex index) {
  for (const auto& link : view.links) {
    if (link.index == index) return link.name;
  }
  return {};
}

const char* state_of(const LinkState& link) {
  if (!link.up) return "down";
  return link.lower_up ? "up" : "no carrier";
}

}  // namespace fairlead::cli
