#include "tests/conformance/snapshot.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"

namespace fairlead::conformance {
namespace {

/// Adds a fact; a second equal one is counted, so that a duplicated rule shows.
void note(Snapshot& snapshot, const std::string& fact) {
  auto& count = snapshot[fact];
  count = std::to_string(count.empty() ? 1 : std::stoi(count) + 1);
}

bool is_link_local(const std::string& text) { return text.starts_with("fe80:") || text.starts_with("ff00:"); }

void note_link(Snapshot& snapshot, const Json& link) {
  const auto name = link.value("ifname", "");
  std::vector<std::string> flags;
  for (const auto& flag : link.value("flags", Json::array())) {
    if (flag == "UP" || flag == "PROMISC" || flag == "ALLMULTI") flags.push_back(flag.get<std::string>());
  }
  const Json fact{{"kind", link.value("linkinfo", Json::object()).value("info_kind", "")},
                  {"mtu", link.value("mtu", 0)},
                  {"mac", link.value("address", "")},
                  {"master", link.value("master", "")},
                  {"alias", link.value("ifalias", "")},
                  {"flags", flags}};
  snapshot["link/" + name] = fact.dump();
  for (const auto& address : link.value("addr_info", Json::array())) {
    const auto local = address.value("local", "");
    // Comes with the carrier and goes through DAD, at its own pace.
    if (is_link_local(local)) continue;
    note(snapshot, "address/" + name + "/" + local + "/" + std::to_string(address.value("prefixlen", 0)));
  }
}

void note_route(Snapshot& snapshot, Json route) {
  const auto dst = route.value("dst", "");
  const auto dev = route.value("dev", "");
  if (is_link_local(dst)) return;
  // Each address gains and loses its subnet-router anycast address with IPv6 forwarding (addrconf.c).
  const std::string type = route.value("type", "");
  if (type == "anycast") return;
  // The shadow of an IPv6 address, which a worker adds some time after it (addrconf_dad_work): a look in
  // between sees the one without the other. The addresses are compared.
  if (type == "local" && route.value("protocol", "") == "kernel" && dst.find(':') != std::string::npos)
    return;
  for (const char* transient : {"flags", "metrics", "pref"}) route.erase(transient);
  note(snapshot, "route/" + dev + "/" + route.dump());
}

void drop_transient(Json& value) {
  if (value.is_object()) {
    for (const char* key : {"handle", "packets", "bytes", "expires"}) value.erase(key);
  }
  if (value.is_structured()) {
    for (auto& child : value) drop_transient(child);
  }
}

void note_nft(Snapshot& snapshot, Json object) {
  if (object.contains("metainfo")) return;
  drop_transient(object);
  const auto kind = object.begin().key();
  auto& body = object.begin().value();
  if (!body.is_object()) return;
  const auto place =
      "nft/" + kind + "/" + body.value("family", "") + " " + body.value("table", body.value("name", ""));
  if (body.contains("elem")) {
    for (const auto& element : body.at("elem")) {
      note(snapshot,
           "nft/element/" + body.value("table", "") + "/" + body.value("name", "") + "/" + element.dump());
    }
    body.erase("elem");
  }
  note(snapshot, place + "/" + body.dump());
}

/// Lock files exist from the first use on, and the memory of the last address is meant to change.
bool is_ignored_file(const std::string& name) {
  return name.starts_with("lock") || name.ends_with(".lock") || name.starts_with("last_reserved_ip.");
}

void note_files(Snapshot& snapshot, const std::string& directory) {
  if (directory == "/run/netns" || directory == "/run/conformance") return;
  DIR* handle = ::opendir(directory.c_str());
  if (handle == nullptr) return;
  while (const dirent* entry = ::readdir(handle)) {
    const std::string name = entry->d_name;
    const std::string path = directory + "/" + name;
    struct stat status {};
    if (name == "." || name == ".." || ::lstat(path.c_str(), &status) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      note_files(snapshot, path);
    } else if (!is_ignored_file(name)) {
      snapshot["file" + path] = S_ISREG(status.st_mode) ? read_file(path) : "special";
    }
  }
  ::closedir(handle);
}

void note_sysctls(Snapshot& snapshot) {
  for (const char* directory : {"ipv4/conf/all", "ipv4/conf/default", "ipv4/conf/lo", "ipv6/conf/all",
                                "ipv6/conf/default", "ipv6/conf/lo", "bridge"}) {
    const std::string path = std::string("/proc/sys/net/") + directory;
    DIR* handle = ::opendir(path.c_str());
    if (handle == nullptr) continue;
    while (const dirent* entry = ::readdir(handle)) {
      const std::string name = entry->d_name;
      if (name.starts_with(".") || name == "stable_secret") continue;
      snapshot[std::string("sysctl/") + directory + "/" + name] = read_file(path + "/" + name);
    }
    ::closedir(handle);
  }
  snapshot["sysctl/ipv4/ip_forward"] = read_file("/proc/sys/net/ipv4/ip_forward");
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](const auto& start) { return text.starts_with(start); });
}

bool mentions(const std::string& text, const std::vector<std::string>& traces) {
  return std::any_of(traces.begin(), traces.end(),
                     [&](const auto& trace) { return text.find(trace) != std::string::npos; });
}

/// May this fact be there after the last DEL though it was not before the first ADD?
bool may_stay(const std::string& fact, const std::string& value, const Residue& residue) {
  if (fact.starts_with("nft/element/")) return false;
  if (fact.starts_with("nft/")) return !mentions(fact, residue.traces) && !mentions(value, residue.traces);
  for (const auto& link : residue.shared_links) {
    if (fact == "link/" + link) return true;
    if (starts_with_any(fact, {"address/" + link + "/", "route/" + link + "/"})) return true;
  }
  return false;
}

bool may_change(const std::string& fact, const Residue& residue) {
  // devinet.c: inet_forward_change() turns accept_redirects of `all` off together with forwarding.
  if (fact.starts_with("sysctl/")) {
    return fact.ends_with("/forwarding") || fact.ends_with("/ip_forward") ||
           fact == "sysctl/ipv4/conf/all/accept_redirects";
  }
  return std::any_of(residue.shared_links.begin(), residue.shared_links.end(),
                     [&](const auto& link) { return fact == "link/" + link; });
}

}  // namespace

Snapshot take_snapshot(const World& world) {
  Snapshot snapshot;
  for (const auto& link : world.ip({"-d", "addr", "show"})) note_link(snapshot, link);
  for (const char* family : {"-4", "-6"}) {
    for (const auto& route : world.ip({family, "route", "show", "table", "all"})) note_route(snapshot, route);
    for (const auto& rule : world.ip({family, "rule", "show"}))
      note(snapshot, std::string("rule/") + family + rule.dump());
  }
  const auto ruleset = Json::parse(world.tool({"nft", "-j", "list", "ruleset"}));
  for (const auto& object : ruleset.at("nftables")) note_nft(snapshot, object);
  note_files(snapshot, "/run");
  note_files(snapshot, "/var/lib/cni");
  note_sysctls(snapshot);
  return snapshot;
}

std::string unexcused_differences(const Snapshot& before, const Snapshot& after, const Residue& residue) {
  std::string text;
  for (const auto& [fact, value] : after) {
    const auto old = before.find(fact);
    if (old == before.end() && !may_stay(fact, value, residue)) text += "\n  left: " + fact + " " + value;
    if (old != before.end() && old->second != value && !may_change(fact, residue)) {
      text += "\n  changed: " + fact + " " + old->second + " -> " + value;
    }
  }
  for (const auto& [fact, value] : before) {
    if (!after.contains(fact)) text += "\n  gone: " + fact + " " + value;
  }
  return text;
}

std::string all_differences(const Snapshot& before, const Snapshot& after) {
  std::string text;
  for (const auto& [fact, value] : after) {
    const auto old = before.find(fact);
    if (old == before.end()) text += "\n  new: " + fact + " " + value;
    if (old != before.end() && old->second != value)
      text += "\n  changed: " + fact + " " + old->second + " -> " + value;
  }
  for (const auto& [fact, value] : before) {
    if (!after.contains(fact)) text += "\n  gone: " + fact + " " + value;
  }
  return text;
}

std::vector<std::string> traces_of(const Attachment& attachment, const Json& result) {
  std::vector<std::string> traces{attachment.container};
  const auto seen = view(result);
  for (const auto& ip : seen.ips) traces.push_back(ip.bare());
  for (const auto& interface : seen.interfaces) {
    const auto name = interface.value("name", "");
    if (name.starts_with("veth")) traces.push_back(name);
  }
  return traces;
}

void two_cycles(World& world, const Json& config, const std::function<void(const Cycle&)>& inspect,
                const Attachment& base, Residue residue) {
  const auto before = take_snapshot(world);
  Snapshot first;
  for (int number = 1; number <= 2; ++number) {
    Cycle cycle{number, base, {}};
    cycle.attachment.container = "conformance-container-" + std::to_string(number);
    cycle.attachment.netns = world.add_netns(cycle.attachment.container);
    cycle.result = attach(world, config, cycle.attachment);
    inspect(cycle);
    if (world.since("0.4.0")) {
      const auto reply = check(world, config, cycle.attachment, cycle.result);
      require(reply.ok(), "CHECK after ADD failed: " + reply.describe());
    }
    detach(world, config, cycle.attachment, cycle.result);
    require(!has_link(world, cycle.attachment.ifname, cycle.attachment.netns),
            "the container's interface is still there after DEL");
    const auto after = take_snapshot(world);
    for (auto& trace : traces_of(cycle.attachment, cycle.result)) residue.traces.push_back(std::move(trace));
    const auto left = unexcused_differences(before, after, residue);
    require(left.empty(), "after DEL " + std::to_string(number) + " the host differs:" + left);
    if (number == 2) {
      const auto grown = all_differences(first, after);
      require(grown.empty(), "the host after the second cycle differs from after the first:" + grown);
    }
    first = after;
    world.remove_netns(cycle.attachment.netns);
  }
}

}  // namespace fairlead::conformance
