// fairlead net: a CNI runtime on the command line.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "cli/command.hpp"
#include "cli/exec_runner.hpp"
#include "cli/output.hpp"
#include "cli/result_text.hpp"
#include "cli/runtime/conf_dir.hpp"
#include "cli/runtime/container_id.hpp"
#include "cli/runtime/gc_plan.hpp"
#include "cli/runtime/runtime.hpp"
#include "cli/runtime/valid_attachments.hpp"
#include "fairlead/file_time.hpp"
#include "fairlead/ids.hpp"
#include "fairlead/netns.hpp"
#include "fairlead/run_directory.hpp"
#include "libnet/src/base/quote.hpp"
#include "plugins/cni/settings.hpp"

namespace fairlead::cli {
namespace {

struct NetOptions {
  std::string network{};
  std::string netns{};
  std::string ifname = "eth0";
  std::string container_id{};
  std::string conf_dir = "/etc/cni/net.d";
  std::string cache_dir = "/var/lib/cni";
  std::string plugin_path{};
  std::vector<std::string> plugin_dirs{};
  std::string cni_args{};
  std::string capability_args{};
  std::vector<std::string> keep{};
  unsigned timeout_seconds = 120;
  bool keep_none = false;
  bool dry_run = false;
  bool json = false;
};

/// A directory of networks, or one file: anything with a '/'.
Result<NetworkList> find(const NetOptions& options) {
  if (options.network.find('/') != std::string::npos) return load_network(options.network);
  return find_network(options.conf_dir, options.network);
}

Result<AttachmentArgs> attachment_of(const NetOptions& options) {
  AttachmentArgs attachment{.netns = netns_path(options.netns), .ifname = options.ifname};
  attachment.container_id =
      options.container_id.empty() ? default_container_id(attachment.netns) : options.container_id;
  // They become parts of file names, here and in plugins.
  if (attachment.container_id.find('/') != std::string::npos || attachment.container_id.front() == '.') {
    return Unexpected(Errc::kInvalid,
                      "container id " + fairlead::quoted(attachment.container_id) + " is no identifier");
  }
  FAIRLEAD_CHECK(LinkName::parse(attachment.ifname));
  FAIRLEAD_TRY(attachment.cni_args, parse_cni_args(options.cni_args));
  if (!options.capability_args.empty()) {
    auto fine = check_capability_args(options.capability_args);
    if (!fine) return Unexpected(Error(fine.error()).with_context("--capability-args"));
    attachment.capability_args = options.capability_args;
  }
  return attachment;
}

ExecRunner runner_for(const NetOptions& options) {
  auto directories = options.plugin_dirs;
  if (directories.empty()) directories = split_path(options.plugin_path);
  if (directories.empty()) directories = default_plugin_directories();
  return ExecRunner(std::move(directories), std::chrono::seconds(options.timeout_seconds));
}

int report(const Result<void>& done, const NetOptions& options, const std::string& what) {
  if (!done) return print_error(Error(done.error()).with_context(what), options.json);
  return kOk;
}

Result<std::string> add(const NetOptions& options) {
  FAIRLEAD_TRY(const auto attachment, attachment_of(options));
  if (auto netns = Netns::open(attachment.netns); !netns) {
    return Unexpected(std::move(netns).error().with_remedy("make one with: ip netns add NAME"));
  }
  FAIRLEAD_TRY(auto list, find(options));
  ExecRunner runner = runner_for(options);
  return Runtime(std::move(list), runner, ResultCache(options.cache_dir)).add(attachment);
}

int run_add(const NetOptions& options) {
  auto result = add(options);
  if (!result) {
    return print_error(std::move(result).error().with_context("attach to " + options.network), options.json);
  }
  if (options.json) return print(pretty_json(*result) + "\n");
  auto text = describe_result(*result);
  return print(text ? *text : pretty_json(*result) + "\n");
}

/// The network's file, or what ADD remembered of one that is gone by now.
Result<NetworkList> find_or_remember(const NetOptions& options, const AttachmentArgs& attachment) {
  auto list = find(options);
  if (list || list.error().code != Errc::kNotFound) return list;
  auto cached =
      ResultCache(options.cache_dir).load(options.network, attachment.container_id, attachment.ifname);
  if (!cached || !*cached) return list;
  auto remembered = parse_network_list((*cached)->config);
  if (!remembered || remembered->plugins.empty()) return list;
  print_note("note: " + list.error().what + "; using its configuration of the time of ADD");
  return remembered;
}

Result<void> del(const NetOptions& options) {
  FAIRLEAD_TRY(const auto attachment, attachment_of(options));
  FAIRLEAD_TRY(auto list, find_or_remember(options, attachment));
  ExecRunner runner = runner_for(options);
  return Runtime(std::move(list), runner, ResultCache(options.cache_dir)).del(attachment);
}

Result<void> check(const NetOptions& options) {
  FAIRLEAD_TRY(const auto attachment, attachment_of(options));
  FAIRLEAD_TRY(auto list, find(options));
  if (list.disable_check) {
    print_note("note: disableCheck is set for " + list.name + ": nothing was checked");
    return {};
  }
  ExecRunner runner = runner_for(options);
  return Runtime(std::move(list), runner, ResultCache(options.cache_dir)).check(attachment);
}

/// What a GC may look at, and what it was told to keep.
struct GcScope {
  std::string network;
  std::vector<cni::AttachmentId> named{};
  Unnamed unnamed;
  ResultCache cache;
  std::string run_dir{};
  ThisHost host{};
};

Result<GcScope> gc_scope(const NetOptions& options, const std::string& network) {
  GcScope scope{.network = network,
                .unnamed = options.keep_none ? Unnamed::kRemove : Unnamed::kKeepUnlessGone,
                .cache = ResultCache(options.cache_dir)};
  for (const auto& text : options.keep) {
    FAIRLEAD_TRY(auto id, parse_attachment_id(text));
    scope.named.push_back(std::move(id));
  }
  FAIRLEAD_TRY(const auto settings, cni::load_settings());
  FAIRLEAD_TRY(scope.run_dir, run_directory(settings.run_dir));
  FAIRLEAD_TRY(scope.host, this_host(scope.run_dir));
  return scope;
}

/// What is to be done as things are now.
Result<GcPlan> look(const GcScope& scope) {
  FAIRLEAD_TRY(const auto all, known_attachments(scope.network, scope.cache, scope.run_dir, scope.host));
  return plan_gc(all, scope.named, scope.unnamed);
}

/// The same questions later, while others attach and detach.
GcJudge judge_by(const GcScope& scope, const GcPlan& first) {
  GcJudge judge;
  judge.is_gone = [&](const cni::AttachmentId& id) -> Result<bool> {
    FAIRLEAD_TRY(const auto now, known_attachment(scope.network, id, scope.cache, scope.run_dir, scope.host));
    return now && !still_gone(first, plan_gc({*now}, scope.named, scope.unnamed)).empty();
  };
  judge.valid_now = [&]() -> Result<ValidAttachments> {
    const FileTime judged_at = file_time_now();
    FAIRLEAD_TRY(const GcPlan later, look(scope));
    return ValidAttachments{.ids = valid_by_now(first, later), .judged_at = judged_at};
  };
  return judge;
}

Result<std::string> gc(const NetOptions& options) {
  FAIRLEAD_TRY(auto list, find(options));
  FAIRLEAD_TRY(const GcScope scope, gc_scope(options, list.name));
  FAIRLEAD_TRY(const GcPlan plan, look(scope));
  if (options.dry_run) return plan.lines;
  if (list.disable_gc) {
    print_note("note: disableGC is set for " + list.name + ": nothing was collected");
    return std::string();
  }
  if (list.version < cni::SpecVersion(1, 1, 0)) {
    print_note("note: " + list.name + " speaks " + list.version.to_string() +
               ", GC came with 1.1.0: only cached attachments are removed");
  }
  for (const auto& note : plan.notes) print_note(note);
  ExecRunner runner = runner_for(options);
  FAIRLEAD_CHECK(Runtime(std::move(list), runner, scope.cache).gc(judge_by(scope, plan)));
  return std::string();
}

int run_gc(const NetOptions& options) {
  auto plan = gc(options);
  if (!plan) {
    return print_error(std::move(plan).error().with_context("collect garbage of " + options.network),
                       options.json);
  }
  return print(*plan);
}

Result<void> status(const NetOptions& options) {
  FAIRLEAD_TRY(auto list, find(options));
  ExecRunner runner = runner_for(options);
  return Runtime(std::move(list), runner, ResultCache(options.cache_dir)).status();
}

void add_common_options(CLI::App& command, NetOptions& o) {
  command.add_option("NETWORK", o.network, "name of the network, or path of its file (with a '/')")
      ->required();
  command.add_option("--conf-dir", o.conf_dir, "directory with *.conflist, *.conf and *.json")
      ->envname("NETCONFPATH")
      ->capture_default_str();
  command
      .add_option("--plugin-dir", o.plugin_dirs, "directory with plugins; may be repeated, searched in order")
      ->allow_extra_args(false);
  command.add_option("--plugin-path", o.plugin_path, "the same, separated by ':'")->envname("CNI_PATH");
  command.add_option("--cache-dir", o.cache_dir, "directory whose results/ holds the results of ADD")
      ->capture_default_str();
  command.add_option("--timeout", o.timeout_seconds, "seconds that one plugin may take")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  command.add_flag("--json", o.json, "answer in JSON, errors too");
}

void add_attachment_options(CLI::App& command, NetOptions& o) {
  command.add_option("--ifname,-i", o.ifname, "interface in the container")
      ->envname("CNI_IFNAME")
      ->capture_default_str();
  command.add_option("--container-id", o.container_id, "default: the one that cnitool derives from NETNS");
  command.add_option("--cni-args", o.cni_args, "KEY=VALUE;KEY=VALUE, for CNI_ARGS")->envname("CNI_ARGS");
  command.add_option("--capability-args", o.capability_args, "JSON object, for runtimeConfig")
      ->envname("CAP_ARGS");
}

constexpr char kNetnsHelp[] = "path of a network namespace, its name in /run/netns, or a process id";

using Options = std::shared_ptr<NetOptions>;

CLI::App* add_verb(CLI::App& net, const char* name, const char* about, const Options& options) {
  CLI::App* verb = net.add_subcommand(name, about);
  add_common_options(*verb, *options);
  return verb;
}

}  // namespace

void add_net_command(CLI::App& app, Action& action) {
  CLI::App* net = app.add_subcommand("net", "play a CNI runtime: attach, detach, check a container");
  net->require_subcommand(1);
  net->footer(
      "Results are cached as other runtimes do, in the same place, and the container id is the one that\n"
      "cnitool derives, so attachments can be made with one and removed with another.");
  const auto options = std::make_shared<NetOptions>();
  const auto choose = [&action, options](CLI::App* verb, int (*run)(const NetOptions&)) {
    verb->callback([&action, options, verb, run] {
      // GC and STATUS are about no container; add and check have a required NETNS.
      if (verb->get_option_no_throw("NETNS") != nullptr && options->netns.empty() &&
          options->container_id.empty()) {
        throw CLI::RequiredError("NETNS or --container-id");
      }
      action = [options, run] { return run(*options); };
    });
  };

  CLI::App* verb = add_verb(*net, "add", "attach a container (ADD)", options);
  verb->add_option("NETNS", options->netns, kNetnsHelp)->required();
  add_attachment_options(*verb, *options);
  choose(verb, run_add);

  verb = add_verb(*net, "del", "detach a container (DEL); done twice it is fine", options);
  verb->add_option("NETNS", options->netns, kNetnsHelp);
  add_attachment_options(*verb, *options);
  choose(verb, [](const NetOptions& o) { return report(del(o), o, "detach from " + o.network); });

  verb = add_verb(*net, "check", "compare an attachment with what ADD made (CHECK)", options);
  verb->add_option("NETNS", options->netns, kNetnsHelp)->required();
  add_attachment_options(*verb, *options);
  choose(verb, [](const NetOptions& o) { return report(check(o), o, "check " + o.network); });

  verb = add_verb(*net, "gc", "remove attachments whose containers are gone (GC)", options);
  verb->add_option("--keep", options->keep,
                   "CONTAINER_ID/IFNAME that stays besides those alive; may be repeated")
      ->allow_extra_args(false);
  verb->add_flag("--keep-none", options->keep_none, "keep only what --keep names");
  verb->add_flag("--dry-run", options->dry_run, "say what would stay and go");
  choose(verb, run_gc);

  verb = add_verb(*net, "status", "whether the network can take a container (STATUS)", options);
  choose(verb, [](const NetOptions& o) { return report(status(o), o, "status of " + o.network); });
}

}  // namespace fairlead::cli
