// JSON form of attachment records.
#include <nlohmann/json.hpp>

#include "engine/attach/record.hpp"
#include "fairlead/digest.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::engine {

using Json = nlohmann::json;

struct RecordDocument {
  Json json;
};

namespace {

// nlohmann throws; everything in this file that may throw runs below parse_record's handler.
struct Malformed {
  std::string where;
};

const Json& member(const Json& object, const char* key, const std::string& where) {
  auto found = object.find(key);
  if (found == object.end()) throw Malformed{where + key + " is missing"};
  return *found;
}

std::string text_of(const Json& object, const char* key, const std::string& where) {
  const Json& value = member(object, key, where);
  if (!value.is_string()) throw Malformed{where + key + " is not a text"};
  return value.get<std::string>();
}

template <class T>
T value_of(Result<T> parsed, const std::string& where) {
  if (!parsed) throw Malformed{where + ": " + parsed.error().what};
  return *std::move(parsed);
}

LinkName link_of(const Json& object, const std::string& where) {
  return value_of(LinkName::parse(text_of(object, "link", where)), where + "link");
}

template <class T>
void put_number(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

template <class T>
std::optional<T> number_of(const Json& json, const char* key, const std::string& where) {
  auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  if (!found->is_number_unsigned() || found->get<std::uint64_t>() > std::numeric_limits<T>::max()) {
    throw Malformed{where + key + " is not a number in its range"};
  }
  return found->get<T>();
}

// --- undo entries ---------------------------------------------------------------------------------------

// What a replaced address was beside itself. A reader of an older version passes over these members.
void put_attributes(Json& json, const AddressAttributes& attributes) {
  put_number(json, "scope", attributes.scope);
  if (!attributes.label.empty()) json["label"] = attributes.label;
  if (attributes.peer) json["peer"] = attributes.peer->to_string();
  if (attributes.broadcast) json["broadcast"] = attributes.broadcast->to_string();
  if (attributes.lifetime) {
    json["valid"] = attributes.lifetime->valid;
    json["preferred"] = attributes.lifetime->preferred;
  }
  if (attributes.no_prefix_route) json["noPrefixRoute"] = true;
}

std::optional<IpAddress> ip_of(const Json& json, const char* key, const std::string& where) {
  if (!json.contains(key)) return std::nullopt;
  return value_of(IpAddress::parse(text_of(json, key, where)), where + key);
}

AddressAttributes attributes_of(const Json& json, const std::string& where) {
  AddressAttributes attributes{.scope = number_of<std::uint8_t>(json, "scope", where),
                               .peer = ip_of(json, "peer", where),
                               .broadcast = ip_of(json, "broadcast", where)};
  if (json.contains("label")) attributes.label = text_of(json, "label", where);
  const auto valid = number_of<std::uint32_t>(json, "valid", where);
  const auto preferred = number_of<std::uint32_t>(json, "preferred", where);
  if (valid && preferred) attributes.lifetime = AddressLifetime{.valid = *valid, .preferred = *preferred};
  attributes.no_prefix_route = json.value("noPrefixRoute", false);
  return attributes;
}

Json undo_to_json(const Op& op) {
  Json json{{"side", to_string(op.side)}};
  if (const auto* link = std::get_if<DeleteLink>(&op.action)) {
    json["op"] = "delete-link";
    json["link"] = link->name.str();
  } else if (const auto* element = std::get_if<RemoveElement>(&op.action)) {
    json["op"] = "remove-element";
    json["family"] = nft::to_string(element->element.set.family);
    json["table"] = element->element.set.table;
    json["set"] = element->element.set.set;
    json["key"] = to_hex(element->element.key);
  } else if (const auto* address = std::get_if<RemoveAddress>(&op.action)) {
    json["op"] = "remove-address";
    json["link"] = address->link.str();
    json["address"] = address->address.to_string();
  } else if (const auto* restored = std::get_if<AddAddress>(&op.action)) {
    json["op"] = "add-address";
    json["link"] = restored->link.str();
    json["address"] = restored->address.address.to_string();
    put_attributes(json, restored->address.attributes);
  } else if (const auto* sysctl = std::get_if<SetSysctl>(&op.action)) {
    json["op"] = "set-sysctl";
    json["key"] = sysctl->key;
    json["value"] = sysctl->value;
  } else {
    return nullptr;  // goes with the deletion of its link (undo_of prunes those)
  }
  return json;
}

nft::Bytes bytes_of_hex(const std::string& text, const std::string& where) {
  if (text.size() % 2 != 0 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    throw Malformed{where + "key is not hexadecimal"};
  }
  nft::Bytes bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

nft::Family family_of(const std::string& text, const std::string& where) {
  for (nft::Family family : {nft::Family::kInet, nft::Family::kBridge}) {
    if (text == nft::to_string(family)) return family;
  }
  throw Malformed{where + "family \"" + text + "\" is not known"};
}

// A key of /proc/sys must stay below /proc/sys/net: the record is our own file, but root's mistakes happen.
std::string sysctl_key_of(const Json& json, const std::string& where) {
  std::string key = text_of(json, "key", where);
  if (key.rfind("net/", 0) != 0 || key.find("..") != std::string::npos) {
    throw Malformed{where + "key \"" + key + "\" is not below net/"};
  }
  return key;
}

/// Nothing for an operation of another version's.
std::optional<Op> undo_from_json(const Json& json, const std::string& where) {
  const std::string op = text_of(json, "op", where);
  const std::string side_name = text_of(json, "side", where);
  const Side side = side_name == to_string(Side::kContainer) ? Side::kContainer : Side::kHost;
  const auto made = [side](Action action) { return Op{.side = side, .action = std::move(action)}; };
  if (op == "delete-link") return made(DeleteLink{link_of(json, where)});
  if (op == "remove-element") {
    return made(RemoveElement{nft::Element{.set = {.family = family_of(text_of(json, "family", where), where),
                                                   .table = text_of(json, "table", where),
                                                   .set = text_of(json, "set", where)},
                                           .key = bytes_of_hex(text_of(json, "key", where), where)}});
  }
  if (op == "remove-address" || op == "add-address") {
    const IfaceAddress address =
        value_of(IfaceAddress::parse(text_of(json, "address", where)), where + "address");
    if (op == "remove-address") return made(RemoveAddress{link_of(json, where), address});
    return made(AddAddress{link_of(json, where),
                           {.address = address, .nodad = true, .attributes = attributes_of(json, where)}});
  }
  if (op == "set-sysctl") {
    return made(
        SetSysctl{.key = sysctl_key_of(json, where), .value = text_of(json, "value", where), .previous = {}});
  }
  return std::nullopt;
}

// Whatever else a record names must not stay because of one entry that this version cannot carry out.
void read_undo(const Json& json, const std::string& where, bool newer, Section& section) {
  for (const Json& entry : json.value("undo", Json::array())) {
    try {
      if (std::optional<Op> op = undo_from_json(entry, where + "undo: ")) {
        section.undo.push_back(*std::move(op));
      } else {
        section.unknown_undo.push_back("op " + fairlead::quoted(text_of(entry, "op", "")));
      }
    } catch (const Malformed& malformed) {
      if (!newer) throw;
      section.unknown_undo.push_back(malformed.where);
    }
  }
}

// --- addresses and routes -------------------------------------------------------------------------------

Json addresses_to_json(const AddressPlan& plan) {
  Json list = Json::array();
  for (const AttachedAddress& attached : plan.addresses) {
    Json& entry = list.emplace_back(Json{{"address", attached.address.to_string()}});
    if (attached.gateway) entry["gateway"] = attached.gateway->to_string();
  }
  return list;
}

Json routes_to_json(const AddressPlan& plan) {
  Json list = Json::array();
  for (const AttachedRoute& route : plan.routes) {
    Json& entry = list.emplace_back(Json{{"destination", route.destination.to_string()}});
    if (route.gateway) entry["gateway"] = route.gateway->to_string();
    put_number(entry, "mtu", route.mtu);
    put_number(entry, "advmss", route.advmss);
    put_number(entry, "priority", route.priority);
    put_number(entry, "table", route.table);
    put_number(entry, "scope", route.scope);
  }
  return list;
}

AddressPlan plan_from_json(const Json& section, const std::string& where) {
  AddressPlan plan;
  for (const Json& entry : section.value("addresses", Json::array())) {
    plan.addresses.push_back(
        {.address = value_of(IfaceAddress::parse(text_of(entry, "address", where)), where + "address"),
         .gateway = ip_of(entry, "gateway", where)});
  }
  for (const Json& entry : section.value("routes", Json::array())) {
    plan.routes.push_back({.destination = value_of(IpNetwork::parse(text_of(entry, "destination", where)),
                                                   where + "destination"),
                           .gateway = ip_of(entry, "gateway", where),
                           .mtu = number_of<std::uint32_t>(entry, "mtu", where),
                           .advmss = number_of<std::uint32_t>(entry, "advmss", where),
                           .priority = number_of<std::uint32_t>(entry, "priority", where),
                           .table = number_of<std::uint32_t>(entry, "table", where),
                           .scope = number_of<std::uint8_t>(entry, "scope", where)});
  }
  return plan;
}

// --- sections -------------------------------------------------------------------------------------------

Json section_to_json(const Section& section, Json json) {
  json["key"] = section.key;
  json["plugin"] = section.plugin;
  json["phase"] = section.phase == Phase::kDone ? "done" : "intent";
  json["addresses"] = addresses_to_json(section.addresses);
  json["routes"] = routes_to_json(section.addresses);
  Json undo = Json::array();
  for (const Op& op : section.undo) {
    if (Json entry = undo_to_json(op); !entry.is_null()) undo.push_back(std::move(entry));
  }
  json["undo"] = std::move(undo);
  return json;
}

Section section_from_json(const Json& json, const std::string& where, bool newer) {
  Section section{.key = text_of(json, "key", where), .plugin = text_of(json, "plugin", where)};
  section.phase = text_of(json, "phase", where) == "done" ? Phase::kDone : Phase::kIntent;
  // A newer version may say addresses differently; its undo list is all that a teardown needs.
  if (!newer) section.addresses = plan_from_json(json, where);
  read_undo(json, where, newer, section);
  return section;
}

RecordHeader header_from_json(const Json& json) {
  RecordHeader header;
  header.version = static_cast<int>(number_of<std::uint16_t>(json, "version", "").value_or(0));
  if (header.version < 1) throw Malformed{"version is missing"};
  header.network = text_of(json, "network", "");
  header.container_id = text_of(json, "containerId", "");
  header.ifname = text_of(json, "ifname", "");
  header.netns_path = text_of(json, "netns", "");
  header.boot_id = text_of(json, "bootId", "");
  header.host_cookie = number_of<std::uint64_t>(json, "hostCookie", "").value_or(0);
  header.container_cookie = number_of<std::uint64_t>(json, "containerCookie", "").value_or(0);
  return header;
}

// The section as the file had it, so that fields of another version survive.
Json original_section(const Json& document, const std::string& key) {
  for (const Json& section : document.value("sections", Json::array())) {
    if (section.is_object() && section.value("key", Json()) == Json(key)) return section;
  }
  return Json::object();
}

Record record_from_json(Json json) {
  if (!json.is_object()) throw Malformed{"it is not a JSON object"};
  Record record{.header = header_from_json(json)};
  const Json& sections = member(json, "sections", "");
  if (!sections.is_array()) throw Malformed{"sections is not a list"};
  for (std::size_t i = 0; i < sections.size(); ++i) {
    record.sections.push_back(section_from_json(sections[i], "sections[" + std::to_string(i) + "].",
                                                record.header.version > kRecordVersion));
  }
  record.document = std::make_shared<RecordDocument>(RecordDocument{std::move(json)});
  return record;
}

}  // namespace

Result<Record> parse_record(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return Unexpected(Errc::kInvalid, "it is not JSON");
  try {
    return record_from_json(std::move(json));
  } catch (const Malformed& malformed) {
    return Unexpected(Errc::kInvalid, malformed.where);
  } catch (const Json::exception& error) {
    return Unexpected(Errc::kInvalid, error.what());
  }
}

std::string serialize_record(const Record& record) {
  static const Json empty = Json::object();
  const Json& original = record.document ? record.document->json : empty;
  Json json = original;
  const RecordHeader& header = record.header;
  json["version"] = header.version;
  json["network"] = header.network;
  json["containerId"] = header.container_id;
  json["ifname"] = header.ifname;
  json["netns"] = header.netns_path;
  json["bootId"] = header.boot_id;
  json["hostCookie"] = header.host_cookie;
  json["containerCookie"] = header.container_cookie;
  Json sections = Json::array();
  for (const Section& section : record.sections) {
    Json before = original_section(original, section.key);
    // What another version says about a section that stays is not ours to rephrase.
    const bool foreign = header.version > kRecordVersion || !section.unknown_undo.empty();
    const bool keep = foreign && !before.empty();
    sections.push_back(keep ? std::move(before) : section_to_json(section, std::move(before)));
  }
  json["sections"] = std::move(sections);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Section* find_section(Record& record, const std::string& key, const std::string& plugin) {
  Section* newest = nullptr;
  for (Section& section : record.sections) {
    if (section.key == key) return &section;
    if (section.plugin == plugin) newest = &section;
  }
  return newest;
}

}  // namespace fairlead::engine
