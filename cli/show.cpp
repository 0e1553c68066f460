// fairlead show: links, addresses, routes and attachments of every namespace.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.hpp"
#include "cli/observe/observe.hpp"
#include "cli/output.hpp"
#include "fairlead/run_directory.hpp"
#include "plugins/cni/settings.hpp"

namespace fairlead::cli {
namespace {

struct ShowOptions {
  std::vector<std::string> namespaces{};
  bool json = false;
};

Result<std::vector<AttachmentView>> attachments(std::vector<Error>& problems) {
  FAIRLEAD_TRY(const auto settings, cni::load_settings());
  FAIRLEAD_TRY(const auto run_dir, run_directory(settings.run_dir));
  return recorded_attachments(run_dir, problems);
}

int run(const ShowOptions& options) {
  // Whatever is wrong with the records, the kernel's side is worth showing.
  std::vector<Error> problems;
  std::vector<AttachmentView> recorded;
  if (auto read = attachments(problems)) {
    recorded = std::move(*read);
  } else {
    problems.push_back(std::move(read).error());
  }
  const auto views = observe_namespaces(recorded, options.namespaces);
  const int printed = print(options.json ? render_json(views) : render_text(views, want_colour()));
  for (const auto& problem : problems) (void)print_error(problem, false);
  if (!problems.empty()) return kFailure;
  // Asked for by name and not there is a failure; a stale file in /run/netns is only shown.
  for (const auto& view : views) {
    if (!options.namespaces.empty() && view.problem) return kFailure;
  }
  return printed;
}

}  // namespace

void add_show_command(CLI::App& app, Action& action) {
  CLI::App* show = app.add_subcommand("show", "links, addresses, routes and attachments per namespace");
  const auto options = std::make_shared<ShowOptions>();
  show->add_option("NETNS", options->namespaces,
                   "only these: path, name in /run/netns, process id, or 'host' (default: the host, all of\n"
                   "/run/netns and all with attachments)");
  show->add_flag("--json", options->json, "an array of objects");
  show->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace fairlead::cli
