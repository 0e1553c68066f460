#include <algorithm>

#include "cli/observe/view.hpp"
#include "cli/output.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::cli {
namespace {

struct Widths {
  std::size_t name = 0;
  std::size_t kind = 0;
};

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

Widths widths_of(const NamespaceView& view) {
  Widths widths;
  for (const auto& link : view.links) {
    widths.name = std::max(widths.name, link.name.size());
    widths.kind = std::max(widths.kind, link.kind.size());
  }
  return widths;
}

std::string state_cell(const LinkState& link, bool colour) {
  constexpr std::size_t kWidth = 10;  // "no carrier"
  const std::string text = padded(state_of(link), kWidth);
  return styled(text, link.up && link.lower_up ? Style::kGreen : Style::kRed, colour);
}

/// Where the link hangs: its far end, its master.
std::string connections(const std::vector<NamespaceView>& views, std::size_t self, const LinkState& link) {
  std::string text;
  if (const auto peer = find_peer(views, self, link)) {
    const NamespaceView& other = views[peer->view];
    text += "  to " + (peer->view == self ? "" : other.name + ":") + other.links[peer->link].name;
  } else if (link.link && link.kind == "veth") {
    text += "  to index " + std::to_string(link.link->value) + " elsewhere";
  }
  if (link.master) {
    const std::string master = link_name(views[self], *link.master);
    text += "  on " + (master.empty() ? "index " + std::to_string(link.master->value) : master);
  }
  return text;
}

std::string link_lines(const std::vector<NamespaceView>& views, std::size_t self, const LinkState& link,
                       const Widths& widths, bool colour) {
  const std::string index = std::to_string(link.index.value);
  std::string line = std::string(index.size() < 4 ? 4 - index.size() : 0, ' ') + index + " ";
  line += styled(padded(link.name, widths.name), Style::kBold, colour) + "  " + state_cell(link, colour);
  if (widths.kind != 0) line += "  " + padded(link.kind, widths.kind);
  line += "  mtu " + std::to_string(link.mtu);
  if (link.mac && !link.loopback) line += "  " + link.mac->to_string();
  line += connections(views, self, link);
  if (!link.alias.empty()) line += styled("  " + fairlead::quoted(link.alias), Style::kDim, colour);
  line += "\n";
  for (const auto& address : views[self].addresses) {
    if (address.link != link.index) continue;
    line += "       " + address.address.to_string();
    if (address.dad_failed) line += " (duplicate)";
    if (address.tentative) line += " (tentative)";
    line += "\n";
  }
  return line;
}

std::string hop_text(const NamespaceView& view, const NextHop& hop, bool several) {
  std::string text;
  if (several) text += " nexthop";
  if (hop.gateway) text += " via " + hop.gateway->to_string();
  if (hop.index) {
    const std::string name = link_name(view, *hop.index);
    text += " dev " + (name.empty() ? "index " + std::to_string(hop.index->value) : name);
  }
  if (several) text += " weight " + std::to_string(hop.weight);
  if (hop.onlink) text += " onlink";
  return text;
}

std::string route_line(const NamespaceView& view, const RouteSpec& route) {
  constexpr std::uint32_t kMainTable = 254;
  constexpr std::uint8_t kLinkScope = 253;
  std::string line = "  route " + route.destination.to_string();
  for (const auto& hop : route.hops) line += hop_text(view, hop, route.hops.size() > 1);
  if (route.source) line += " src " + route.source->to_string();
  if (route.scope == kLinkScope) line += " scope link";
  if (route.table && *route.table != kMainTable) line += " table " + std::to_string(*route.table);
  if (route.priority) line += " metric " + std::to_string(*route.priority);
  if (route.mtu) line += " mtu " + std::to_string(*route.mtu);
  if (route.advmss) line += " advmss " + std::to_string(*route.advmss);
  return line + "\n";
}

std::string attachment_lines(const AttachmentView& attachment, bool colour) {
  std::string text =
      "  attachment " + attachment.network + "/" + attachment.container_id + "/" + attachment.ifname;
  for (const auto& plugin : attachment.plugins) {
    text += "  " + plugin.plugin;
    for (const auto& address : plugin.addresses) text += " " + address;
    if (!plugin.done) text += styled(" (unfinished)", Style::kRed, colour);
  }
  return text + "\n";
}

}  // namespace

std::string render_text(const std::vector<NamespaceView>& views, bool colour) {
  std::string text;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const NamespaceView& view = views[i];
    if (i != 0) text += "\n";
    text += styled(view.name, Style::kBold, colour);
    if (view.path != view.name) text += "  " + styled(view.path, Style::kDim, colour);
    text += "\n";
    if (view.problem) text += "  " + styled(view.problem->to_string(), Style::kRed, colour) + "\n";
    const Widths widths = widths_of(view);
    for (const auto& link : view.links) text += link_lines(views, i, link, widths, colour);
    for (const auto& route : view.routes) text += route_line(view, route);
    for (const auto& attachment : view.attachments) text += attachment_lines(attachment, colour);
  }
  return text;
}

}  // namespace fairlead::cli
