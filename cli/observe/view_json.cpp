#include <nlohmann/json.hpp>

#include "cli/observe/view.hpp"
#include "cli/runtime/json_text_json.hpp"

namespace fairlead::cli {
namespace {

using nlohmann::json;

json addresses_to_json(const NamespaceView& view, LinkIndex link) {
  json array = json::array();
  for (const auto& address : view.addresses) {
    if (address.link != link) continue;
    json entry{{"address", address.address.to_string()}};
    if (address.tentative) entry["tentative"] = true;
    if (address.dad_failed) entry["duplicate"] = true;
    array.push_back(std::move(entry));
  }
  return array;
}

json link_to_json(const std::vector<NamespaceView>& views, std::size_t self, const LinkState& link) {
  json object{{"index", link.index.value},
              {"name", link.name},
              {"state", state_of(link)},
              {"mtu", link.mtu},
              {"addresses", addresses_to_json(views[self], link.index)}};
  if (!link.kind.empty()) object["kind"] = link.kind;
  if (link.mac) object["mac"] = link.mac->to_string();
  if (!link.alias.empty()) object["alias"] = link.alias;
  if (link.master) object["master"] = link_name(views[self], *link.master);
  if (link.port.isolated) object["isolated"] = *link.port.isolated;
  if (link.port.hairpin) object["hairpin"] = *link.port.hairpin;
  if (const auto peer = find_peer(views, self, link)) {
    object["peer"] = {{"namespace", views[peer->view].name},
                      {"name", views[peer->view].links[peer->link].name}};
  }
  return object;
}

json hop_to_json(const NamespaceView& view, const NextHop& hop) {
  json object = json::object();
  if (hop.gateway) object["gateway"] = hop.gateway->to_string();
  if (hop.index) object["link"] = link_name(view, *hop.index);
  if (hop.onlink) object["onlink"] = true;
  if (hop.weight != 1) object["weight"] = hop.weight;
  return object;
}

json route_to_json(const NamespaceView& view, const RouteSpec& route) {
  json object{{"destination", route.destination.to_string()}, {"hops", json::array()}};
  for (const auto& hop : route.hops) object["hops"].push_back(hop_to_json(view, hop));
  if (route.source) object["source"] = route.source->to_string();
  if (route.table) object["table"] = *route.table;
  if (route.scope) object["scope"] = *route.scope;
  if (route.priority) object["metric"] = *route.priority;
  if (route.mtu) object["mtu"] = *route.mtu;
  if (route.advmss) object["advmss"] = *route.advmss;
  return object;
}

json attachment_to_json(const AttachmentView& attachment) {
  json object{{"network", attachment.network},
              {"containerId", attachment.container_id},
              {"ifname", attachment.ifname},
              {"netns", attachment.netns_path},
              {"plugins", json::array()}};
  for (const auto& plugin : attachment.plugins) {
    object["plugins"].push_back(
        {{"type", plugin.plugin}, {"done", plugin.done}, {"addresses", plugin.addresses}});
  }
  return object;
}

}  // namespace

std::string render_json(const std::vector<NamespaceView>& views) {
  json array = json::array();
  for (std::size_t i = 0; i < views.size(); ++i) {
    const NamespaceView& view = views[i];
    json object{{"name", view.name},
                {"path", view.path},
                {"links", json::array()},
                {"routes", json::array()},
                {"attachments", json::array()}};
    for (const auto& link : view.links) object["links"].push_back(link_to_json(views, i, link));
    for (const auto& route : view.routes) object["routes"].push_back(route_to_json(view, route));
    for (const auto& attachment : view.attachments) {
      object["attachments"].push_back(attachment_to_json(attachment));
    }
    if (view.problem) object["problem"] = view.problem->to_string();
    array.push_back(std::move(object));
  }
  return to_pretty_text(array) + "\n";
}

}  // namespace fairlead::cli
