// bench_startup: what starting each plugin costs (CNI_COMMAND=VERSION), interleaved with an empty static C
// program and with the same plugin of another directory.
//
//   bench_startup [--rounds N] [--plugins DIR] [--reference DIR]
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "bench/support/measure.hpp"

namespace fairlead::bench {
namespace {

struct Options {
  int rounds = 200;
  std::string plugins = own_directory() + "/../libexec/cni";
  std::string reference = "/usr/lib/cni";
  std::string empty = own_directory() + "/empty";
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--rounds") {
      options.rounds = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--plugins") {
      options.plugins = value;
    } else if (name == "--reference") {
      options.reference = value;
    } else {
      die("usage: bench_startup [--rounds N] [--plugins DIR] [--reference DIR]");
    }
  }
  return options;
}

std::vector<std::string> executables(const std::string& directory) {
  std::vector<std::string> files;
  DIR* stream = opendir(directory.c_str());
  if (stream == nullptr) return files;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name[0] != '.' && access((directory + "/" + name).c_str(), X_OK) == 0) files.push_back(name);
  }
  closedir(stream);
  std::sort(files.begin(), files.end());
  return files;
}

struct Row {
  std::string file;
  std::vector<double> wall{};
  std::vector<double> cpu{};
  long max_rss_kb = 0;
};

void run_once(Row& row) {
  const Sample sample = measure({.argv = {row.file}, .environment = {"CNI_COMMAND=VERSION"}, .input = "{}"});
  row.wall.push_back(sample.wall_us);
  row.cpu.push_back(sample.cpu_us);
  row.max_rss_kb = std::max(row.max_rss_kb, sample.max_rss_kb);
}

int run(const Options& options) {
  set_launcher(own_directory() + "/launch");
  std::vector<Row> rows{{.file = options.empty}};
  const auto reference = executables(options.reference);
  for (const auto& name : executables(options.plugins)) {
    rows.push_back({.file = options.plugins + "/" + name});
    if (std::find(reference.begin(), reference.end(), name) != reference.end())
      rows.push_back({.file = options.reference + "/" + name});
  }
  if (rows.size() == 1)
    for (const auto& name : reference) rows.push_back({.file = options.reference + "/" + name});

  for (int round = 0; round < options.rounds; ++round)
    for (auto& row : rows) run_once(row);

  const double floor = summarize(rows[0].wall).median;
  std::vector<std::vector<std::string>> table{
      {"program", "wall us [p10-p90]", "x empty", "CPU us", "RSS KB"}};
  for (const auto& row : rows) {
    const Summary wall = summarize(row.wall);
    table.push_back({row.file, format("%.0f [%.0f-%.0f]", wall.median, wall.p10, wall.p90),
                     format("%.2f", wall.median / floor), format("%.0f", summarize(row.cpu).median),
                     format("%ld", row.max_rss_kb)});
  }
  std::printf("start-up (VERSION), %d interleaved rounds\n\n", options.rounds);
  print_table(table);
  return 0;
}

}  // namespace
}  // namespace fairlead::bench

int main(int argc, char** argv) { return fairlead::bench::run(fairlead::bench::parse(argc, argv)); }
