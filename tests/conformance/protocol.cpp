// P1 to P10: the process contract, the same for every plugin.
#include <algorithm>

#include "tests/conformance/observe.hpp"
#include "tests/conformance/result_view.hpp"
#include "tests/conformance/sample.hpp"
#include "tests/conformance/snapshot.hpp"

namespace fairlead::conformance {
namespace {

constexpr int kIncompatibleVersion = 1;
constexpr int kInvalidEnvironment = 4;
constexpr int kDecodeFailure = 6;
constexpr int kInvalidConfig = 7;
constexpr int kInvalidNetns = 8;

Attachment sample_attachment(World& world) { return {.netns = world.add_netns("c1")}; }

/// The host may not have changed at all: these calls are refused before anything is done.
void require_untouched(const World& world, const Snapshot& before, const std::string& what) {
  const auto differences = all_differences(before, take_snapshot(world));
  require(differences.empty(), what + " changed the host:" + differences);
}

void require_version_answer(const Reply& reply, const std::string& what) {
  require(reply.ok(), what + " failed: " + reply.describe());
  const Json answer = reply.document();
  require(answer.contains("cniVersion") && answer.contains("supportedVersions"),
          what + " lacks a key: " + reply.out);
  const auto& versions = answer.at("supportedVersions");
  for (const char* version : {"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
    require(std::find(versions.begin(), versions.end(), version) != versions.end(),
            what + " does not list " + version);
  }
}

void version_needs_nothing(World& world) {
  const auto before = take_snapshot(world);
  for (const auto& plugin : world.present()) {
    const Overrides dummies{
        {"CNI_CONTAINERID", "dummy"}, {"CNI_NETNS", "dummy"}, {"CNI_IFNAME", "dummy"}, {"CNI_PATH", "dummy"}};
    const Overrides nothing{{"CNI_CONTAINERID", {}}, {"CNI_NETNS", {}}, {"CNI_IFNAME", {}}, {"CNI_PATH", {}}};
    const auto text = config(world, plugin).dump();
    require_version_answer(world.call(plugin, "VERSION", text, {}, dummies), plugin + " VERSION");
    require_version_answer(world.call(plugin, "VERSION", {}, {}, nothing, Command::Stdin::kClosed),
                           plugin + " VERSION without standard input");
    require_version_answer(world.call(plugin, "VERSION", {}, {}, nothing, Command::Stdin::kOpenPipe),
                           plugin + " VERSION with a silent standard input");
  }
  require_untouched(world, before, "VERSION");
}

void no_command_prints_about(World& world) {
  for (const auto& plugin : world.present()) {
    const auto reply = world.call(plugin, "", {}, {}, {{"CNI_COMMAND", {}}});
    require(reply.ok(), plugin + " without CNI_COMMAND failed: " + reply.describe());
    require(reply.out.empty(), plugin + " without CNI_COMMAND printed on standard output: " + reply.out);
    require(!reply.err.empty(), plugin + " without CNI_COMMAND did not say on standard error what it is");
  }
}

void missing_variables_are_all_named(World& world) {
  const auto attachment = sample_attachment(world);
  for (const auto& plugin : world.present()) {
    const auto reply = world.call(plugin, "ADD", sample_config(world, plugin).dump(), attachment,
                                  {{"CNI_CONTAINERID", {}}, {"CNI_IFNAME", {}}});
    must_fail(reply, plugin + " ADD without container id and ifname", kInvalidEnvironment);
    for (const char* name : {"CNI_CONTAINERID", "CNI_IFNAME"}) {
      require(reply.message().find(name) != std::string::npos,
              plugin + " does not name " + name + ": " + reply.message());
    }
  }
}

void bad_names_are_refused(World& world) {
  const auto good = sample_attachment(world);
  const auto before = take_snapshot(world);
  for (const auto& plugin : world.present()) {
    const auto sample = sample_config(world, plugin);
    for (const char* container : {"a/b", "../a", "-a", "a b"}) {
      must_fail(world.call("ADD", sample, {.container = container, .netns = good.netns}),
                plugin + " ADD with container id '" + container + "'", kInvalidEnvironment);
    }
    for (const char* ifname : {"abcdefghijklmnop", ".", "..", "a:b", "a b", "a/b"}) {
      must_fail(world.call("ADD", sample, {.netns = good.netns, .ifname = ifname}),
                plugin + " ADD with ifname '" + ifname + "'", kInvalidEnvironment);
    }
    for (const auto& name :
         std::vector<std::string>{"l/o", "../lo", "-lo", "l o", "l\no", {'l', '\0', 'o'}}) {
      auto bad = sample;
      bad["name"] = name;
      must_fail(world.call("ADD", bad, good), plugin + " ADD with network name '" + name + "'",
                kInvalidConfig);
    }
  }
  require_untouched(world, before, "an ADD with a bad name");
}

void unknown_version_is_refused(World& world) {
  const auto attachment = sample_attachment(world);
  const auto before = take_snapshot(world);
  for (const auto& plugin : world.present()) {
    auto future = sample_config(world, plugin);
    future["cniVersion"] = "9.9.9";
    must_fail(world.call("ADD", future, attachment), plugin + " ADD at 9.9.9", kIncompatibleVersion);
  }
  require_untouched(world, before, "an ADD at 9.9.9");
}

void bad_config_is_refused(World& world) {
  const auto attachment = sample_attachment(world);
  const auto before = take_snapshot(world);
  for (const auto& plugin : world.present()) {
    for (const char* text : {"{bad", "", "[]"}) {
      must_fail(world.call(plugin, "ADD", text, attachment),
                plugin + " ADD with '" + text + "' as configuration", kDecodeFailure);
    }
    auto nameless = sample_config(world, plugin);
    nameless.erase("name");
    must_fail(world.call("ADD", nameless, attachment), plugin + " ADD without a network name",
              kInvalidConfig);
  }
  require_untouched(world, before, "an ADD with a bad configuration");
}

/// A parser that recurses per level, or copies per key, shows here.
void hostile_config_is_refused(World& world) {
  const auto attachment = sample_attachment(world);
  const std::string deep(200000, '[');
  const std::string unclosed =
      R"({"cniVersion":"1.0.0","name":"net","type":"x","x":")" + std::string(10'000'000, 'x');
  for (const auto& plugin : world.present()) {
    must_fail(world.call(plugin, "ADD", deep, attachment), plugin + " ADD with 200,000 open brackets",
              kDecodeFailure);
    must_fail(world.call(plugin, "ADD", unclosed, attachment), plugin + " ADD with 10 MB of broken JSON",
              kDecodeFailure);
  }
}

void young_verbs_need_their_version(World& world) {
  const auto attachment = sample_attachment(world);
  for (const auto& plugin : world.present()) {
    auto old = sample_config(world, plugin);
    old["cniVersion"] = "0.3.1";
    must_fail(world.call("CHECK", old, attachment), plugin + " CHECK at 0.3.1", kIncompatibleVersion);
    for (const char* verb : {"GC", "STATUS"}) {
      old["cniVersion"] = "1.0.0";
      old["cni.dev/valid-attachments"] = Json::array();
      must_fail(world.call(verb, old, attachment), plugin + " " + verb + " at 1.0.0", kIncompatibleVersion);
    }
  }
}

void unknown_command_is_refused(World& world) {
  const auto attachment = sample_attachment(world);
  for (const auto& plugin : world.present()) {
    must_fail(world.call("FROB", sample_config(world, plugin), attachment), plugin + " FROB",
              kInvalidEnvironment);
  }
}

/// Only the plugins that act inside the namespace can mistake the host's for the container's.
void hosts_own_netns_is_refused(World& world) {
  const Attachment host{.netns = "/proc/self/ns/net"};
  for (const char* plugin : {"bridge", "loopback"}) {
    const auto before = take_snapshot(world);
    const auto sample = sample_config(world, plugin);
    must_fail(world.call("ADD", sample, host), std::string(plugin) + " ADD in the host's own namespace",
              kInvalidNetns);
    // The path of a container that is gone may have become one of the host's, so DEL may go on without it.
    const auto deleted = world.call("DEL", sample, host);
    if (!deleted.ok())
      must_fail(deleted, std::string(plugin) + " DEL in the host's own namespace", kInvalidNetns);
    require_untouched(world, before, std::string(plugin) + " in the host's own namespace");
  }
}

void override_allows_own_netns(World& world) {
  const Attachment host{.netns = "/proc/self/ns/net", .ifname = "lo"};
  for (const char* value : {"1", "true", "TRUE"}) {
    const auto text = config(world, "loopback").dump();
    const auto reply = world.call("loopback", "ADD", text, host, {{"CNI_NETNS_OVERRIDE", value}});
    require(reply.ok(),
            std::string("loopback ADD with CNI_NETNS_OVERRIDE=") + value + " failed: " + reply.describe());
    require(reply.documents().size() == 1, "not one JSON document: " + reply.describe());
  }
}

void args_are_checked(World& world) {
  const auto netns = world.add_netns("c1");
  for (const std::string plugin : {"bridge", "host-local", "static"}) {
    const auto sample = sample_config(world, plugin);
    const auto before = take_snapshot(world);
    for (const char* args : {"FOO=1", "FOO", "IgnoreUnknown=1;FOO"}) {
      must_fail(world.call("ADD", sample, {.netns = netns, .args = args}),
                plugin + " ADD with CNI_ARGS='" + args + "'");
    }
    const auto left = unexcused_differences(before, take_snapshot(world), {});
    require(left.empty(), plugin + " ADD with bad CNI_ARGS left something:" + left);
    for (const char* args : {"IgnoreUnknown=1;FOO=1", "FOO=1;IgnoreUnknown=true"}) {
      const Attachment tolerant{.netns = netns, .args = args};
      const auto result = attach(world, sample, tolerant);
      detach(world, sample, tolerant, result);
    }
  }
}

}  // namespace

std::vector<Case> protocol_cases() {
  using enum Versions;
  return {
      {"P1",
       "VERSION needs no standard input and no variables, and lists 0.1.0 to 1.1.0",
       {},
       kNewest,
       Ipam::kNone,
       version_needs_nothing},
      {"P2",
       "without CNI_COMMAND: exit 0, what it is on stderr, nothing on stdout",
       {},
       kNewest,
       Ipam::kNone,
       no_command_prints_about},
      {"P3",
       "all missing variables are named at once (4)",
       {},
       kEach,
       Ipam::kNone,
       missing_variables_are_all_named},
      {"P4",
       "bad container ids, interface names (4) and network names (7) are refused, nothing is created",
       {},
       kEach,
       Ipam::kNone,
       bad_names_are_refused},
      {"P5", "cniVersion 9.9.9 is refused (1)", {}, kNewest, Ipam::kNone, unknown_version_is_refused},
      {"P6",
       "broken JSON (6) and a missing network name (7) are refused",
       {},
       kEach,
       Ipam::kNone,
       bad_config_is_refused},
      {"P6.hostile",
       "deep nesting and 10 MB of broken JSON are refused (6)",
       {},
       kNewest,
       Ipam::kNone,
       hostile_config_is_refused},
      {"P7",
       "CHECK before 0.4.0, GC and STATUS before 1.1.0 are refused (1)",
       {},
       kNewest,
       Ipam::kNone,
       young_verbs_need_their_version},
      {"P8", "an unknown CNI_COMMAND is refused (4)", {}, kEach, Ipam::kNone, unknown_command_is_refused},
      {"P9",
       "the host's own namespace is refused (8) with one JSON document, nothing changes",
       {"bridge", "host-local", "loopback"},
       kEach,
       Ipam::kNone,
       hosts_own_netns_is_refused},
      {"P9.override",
       "CNI_NETNS_OVERRIDE lets the host's own namespace pass",
       {"loopback"},
       kEach,
       Ipam::kNone,
       override_allows_own_netns},
      {"P10",
       "CNI_ARGS: unknown keys are errors unless IgnoreUnknown, malformed pairs always",
       {"bridge", "host-local", "static"},
       kEach,
       Ipam::kNone,
       args_are_checked},
  };
}

}  // namespace fairlead::conformance
