// What `fairlead show` knows of a network namespace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fairlead/address.hpp"
#include "fairlead/link.hpp"
#include "fairlead/route.hpp"

namespace fairlead::cli {

/// One plugin's part of an attachment, from its record.
struct AttachedPlugin {
  std::string plugin;
  bool done = false;  ///< false: an ADD is at work or has crashed
  std::vector<std::string> addresses{};
};

struct AttachmentView {
  std::string network;
  std::string container_id;
  std::string ifname;
  std::string netns_path{};
  std::vector<AttachedPlugin> plugins{};
};

struct NamespaceView {
  std::string name;  ///< "host", the name in /run/netns, else the path
  std::string path;
  std::vector<LinkState> links{};
  std::vector<AddressState> addresses{};
  std::vector<RouteSpec> routes{};
  std::vector<AttachmentView> attachments{};
  std::optional<Error> problem{};  ///< why the above is incomplete
};

/// Text for a terminal.
[[nodiscard]] std::string render_text(const std::vector<NamespaceView>& views, bool colour);
/// An array of objects, for programs.
[[nodiscard]] std::string render_json(const std::vector<NamespaceView>& views);

/// The far end of a veth of `views[self]`: which of the namespaces has the link that names this one as its
/// peer. Nothing if none or more than one has, since indices repeat between namespaces.
struct LinkPlace {
  std::size_t view;
  std::size_t link;
};
[[nodiscard]] std::optional<LinkPlace> find_peer(const std::vector<NamespaceView>& views, std::size_t self,
                                                 const LinkState& link);
/// The name of a link of that namespace; empty if there is none with that index.
[[nodiscard]] std::string link_name(const NamespaceView& view, LinkIndex index);
/// "up", "no carrier" or "down".
[[nodiscard]] const char* state_of(const LinkState& link);

}  // namespace fairlead::cli
