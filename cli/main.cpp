// fairlead: the operator's tool.
#include <CLI/CLI.hpp>

#include "cli/command.hpp"
#include "cli/output.hpp"

namespace fairlead::cli {
namespace {

constexpr char kAbout[] = "Looks at container networks and plays a CNI runtime.";
constexpr char kFooter[] =
    "Exit codes: 0 done, 1 the network or the kernel said no, 2 the command line is wrong.\n"
    "Colours only on a terminal, and not with NO_COLOR set.";

int run(int argc, char** argv) {
  CLI::App app(kAbout, "fairlead");
  app.footer(kFooter);
  app.set_version_flag("--version", "fairlead " FAIRLEAD_VERSION);
  app.require_subcommand(1);
  Action action;
  add_net_command(app, action);
  add_show_command(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Also how --help and --version leave, with 0; the library's own codes mean nothing to our callers.
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return action();
}

}  // namespace
}  // namespace fairlead::cli

int main(int argc, char** argv) { return fairlead::cli::run(argc, argv); }
