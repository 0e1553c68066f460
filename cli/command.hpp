// The commands of the tool: each adds itself to the application.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace fairlead::cli {

/// What the chosen command does; returns its exit code. Set while the command line is parsed, run after it.
using Action = std::function<int()>;

void add_net_command(CLI::App& app, Action& action);
void add_show_command(CLI::App& app, Action& action);

}  // namespace fairlead::cli
