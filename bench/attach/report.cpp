#include "bench/attach/report.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

namespace fairlead::bench {
namespace {

struct Figures {
  Summary wall;
  double cpu = 0;
  long max_rss_kb = 0;
  double syscalls = 0;
};

Figures figures(const Series& series) {
  std::vector<double> wall;
  std::vector<double> cpu;
  std::vector<double> syscalls;
  long rss = 0;
  for (const auto& sample : series.timed) {
    wall.push_back(sample.wall_us);
    cpu.push_back(sample.cpu_us);
    rss = std::max(rss, sample.max_rss_kb);
  }
  for (const auto& sample : series.counted) syscalls.push_back(static_cast<double>(sample.syscalls));
  return {.wall = summarize(wall),
          .cpu = summarize(cpu).median,
          .max_rss_kb = rss,
          .syscalls = summarize(syscalls).median};
}

const char* mode_name(bool masquerade) { return masquerade ? "ipMasq" : "plain"; }

std::string title(const Cell& cell) {
  return format("%s %s, %d attached", mode_name(cell.masquerade), cell.verb.c_str(), cell.attached);
}

/// The same cell of another candidate; nullptr if it was not measured.
const Series* of(const Results& results, Cell cell, const std::string& candidate) {
  cell.candidate = candidate;
  const auto found = results.find(cell);
  return found == results.end() ? nullptr : &found->second;
}

struct AimTable {
  std::vector<std::vector<std::string>> rows{{"what", "aim", "reached", ""}};
  int missed = 0;

  void at_most(const std::string& what, double aim, double reached) {
    add(what, "<=", aim, reached, reached <= aim);
  }
  void at_least(const std::string& what, double aim, double reached) {
    add(what, ">=", aim, reached, reached >= aim);
  }
  void equal(const std::string& what, double aim, double reached) {
    add(what, "==", aim, reached, reached == aim);
  }
  void not_measured(const std::string& what) {
    rows.push_back({what, "", "not measured", "MISSED"});
    ++missed;
  }

 private:
  void add(const std::string& what, const char* relation, double aim, double reached, bool met) {
    rows.push_back({what, format("%s %.1f", relation, aim), format("%.2f", reached), met ? "ok" : "MISSED"});
    if (!met) ++missed;
  }
};

void check_cell(const Results& results, const Cell& cell, AimTable& aims) {
  const Figures ours = figures(results.at(cell));
  if (const Series* floor = of(results, cell, "floor"))
    aims.at_most(title(cell) + ": wall / floor", 1.6, ours.wall.median / figures(*floor).wall.median);
  else
    aims.not_measured(title(cell) + ": wall / floor");
  if (const Series* reference = of(results, cell, "reference")) {
    const Figures theirs = figures(*reference);
    const bool add = cell.verb == "ADD";
    const double wall_aim = cell.masquerade ? (add ? 12.0 : 30.0) : (add ? 4.0 : 11.0);
    aims.at_least(title(cell) + ": reference wall / ours", wall_aim, theirs.wall.median / ours.wall.median);
    aims.at_least(title(cell) + ": reference CPU / ours", cell.masquerade ? 10.0 : 5.0,
                  theirs.cpu / ours.cpu);
  } else {
    aims.not_measured(title(cell) + ": reference / ours");
  }
  aims.at_most(title(cell) + ": memory, MB", 2.5, static_cast<double>(ours.max_rss_kb) / 1024);
}

/// The number of system calls with few and with many attached.
void check_constant_work(const Results& results, const Cell& cell, AimTable& aims) {
  Cell empty = cell;
  empty.attached = 0;
  const auto few = results.find(empty);
  if (cell.attached == 0 || few == results.end()) return;
  aims.equal(title(cell) + ": system calls", figures(few->second).syscalls,
             figures(results.at(cell)).syscalls);
}

}  // namespace

void print_results(const Results& results) {
  std::set<std::tuple<bool, int, std::string>> situations;
  for (const auto& [cell, series] : results) situations.insert({cell.masquerade, cell.attached, cell.verb});
  std::vector<std::vector<std::string>> table{
      {"situation", "who", "wall us [p10-p90]", "x floor", "CPU us", "RSS KB", "syscalls"}};
  for (const auto& [masquerade, attached, verb] : situations) {
    for (const char* who : {"floor", "ours", "reference"}) {
      const Cell cell{.candidate = who, .masquerade = masquerade, .attached = attached, .verb = verb};
      const Series* series = of(results, cell, who);
      if (series == nullptr) continue;
      const Figures f = figures(*series);
      const Series* floor = of(results, cell, "floor");
      const double ratio = floor == nullptr ? 0 : f.wall.median / figures(*floor).wall.median;
      table.push_back({title(cell), who, format("%.0f [%.0f-%.0f]", f.wall.median, f.wall.p10, f.wall.p90),
                       format("%.2f", ratio), format("%.0f", f.cpu), format("%ld", f.max_rss_kb),
                       format("%.0f", f.syscalls)});
    }
  }
  print_table(table);
}

int print_aims(const Results& results) {
  AimTable aims;
  for (const auto& [cell, series] : results) {
    if (cell.candidate != "ours") continue;
    check_cell(results, cell, aims);
    check_constant_work(results, cell, aims);
  }
  if (aims.rows.size() == 1) aims.not_measured("the plugins");
  std::puts("");
  print_table(aims.rows);
  return aims.missed;
}

}  // namespace fairlead::bench
