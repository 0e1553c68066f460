#include "tests/conformance/report.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>

namespace fairlead::conformance {
namespace {

constexpr const char* kColumns[] = {"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

const char* word(Status status) {
  switch (status) {
    case Status::kPass:
      return "pass";
    case Status::kFail:
      return "FAIL";
    case Status::kSkip:
      return "skip";
    case Status::kKnownFailure:
      return "known failure";
    case Status::kNowPasses:
      return "NOW PASSES";
  }
  return "";
}

const char* cell(Status status) {
  switch (status) {
    case Status::kPass:
    case Status::kNowPasses:
      return "pass";
    case Status::kFail:
    case Status::kKnownFailure:
      return "**fail**";
    case Status::kSkip:
      return "n/a";
  }
  return "";
}

bool names_version(const Expected& expected, const std::string& version) {
  return expected.versions == "*" ||
         ("," + expected.versions + ",").find("," + version + ",") != std::string::npos;
}

const Expected* find_expected(const std::vector<Expected>& expected, const Outcome& outcome) {
  const auto found = std::find_if(expected.begin(), expected.end(), [&](const Expected& entry) {
    return entry.id == outcome.test.id && names_version(entry, outcome.version);
  });
  return found == expected.end() ? nullptr : &*found;
}

std::map<Status, int> counts(const std::vector<Outcome>& outcomes) {
  std::map<Status, int> counts;
  for (const auto& outcome : outcomes) ++counts[outcome.status];
  return counts;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::vector<Expected> read_expected(const std::string& path) {
  std::vector<Expected> expected;
  const auto text = read_file(path);
  require(!text.empty(), path + " is empty or cannot be read");
  const auto known = all_cases();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.starts_with("#")) continue;
    std::istringstream words(line);
    Expected entry;
    words >> entry.id >> entry.versions >> std::ws;
    std::getline(words, entry.reason);
    require(!entry.reason.empty(), path + ": '" + line + "' gives no reason");
    const bool exists =
        std::any_of(known.begin(), known.end(), [&](const Case& test) { return entry.id == test.id; });
    require(exists, path + ": no case has the id '" + entry.id + "'");
    expected.push_back(std::move(entry));
  }
  return expected;
}

void apply_expected(std::vector<Outcome>& outcomes, const std::vector<Expected>& expected) {
  for (auto& outcome : outcomes) {
    const auto* entry = find_expected(expected, outcome);
    if (entry == nullptr) continue;
    if (outcome.status == Status::kFail) outcome.status = Status::kKnownFailure;
    if (outcome.status == Status::kPass) {
      outcome.status = Status::kNowPasses;
      outcome.reason = "listed as failing: " + entry->reason;
    }
  }
}

std::string text_report(const std::vector<Outcome>& outcomes) {
  std::string text;
  for (const auto& outcome : outcomes) {
    char line[64];
    std::snprintf(line, sizeof line, "%-13s  %-16s  %-5s  %5ld ms  ", word(outcome.status), outcome.test.id,
                  outcome.version.c_str(), outcome.milliseconds);
    text += line;
    text += outcome.test.title;
    if (!outcome.reason.empty()) text += ": " + one_line(outcome.reason);
    text += '\n';
  }
  std::string summary;
  for (const auto& [status, count] : counts(outcomes)) {
    summary += (summary.empty() ? "" : ", ") + std::to_string(count) + " " + word(status);
  }
  return text + summary + "\n";
}

std::string json_report(const std::vector<Outcome>& outcomes) {
  Json results = Json::array();
  for (const auto& outcome : outcomes) {
    results.push_back({{"id", outcome.test.id},
                       {"title", outcome.test.title},
                       {"cniVersion", outcome.version},
                       {"status", word(outcome.status)},
                       {"reason", outcome.reason},
                       {"milliseconds", outcome.milliseconds}});
  }
  return Json{{"results", results}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string markdown_report(const std::vector<Outcome>& outcomes, const std::vector<Expected>& expected) {
  std::string table = "| case | what must hold |";
  std::string rule = "|---|---|";
  for (const char* column : kColumns) {
    table += std::string(" ") + column + " |";
    rule += ":-:|";
  }
  table += "\n" + rule + "\n";
  std::string reasons;
  for (auto row = outcomes.begin(); row != outcomes.end();) {
    const auto end = std::find_if(
        row, outcomes.end(), [&](const Outcome& next) { return std::string(next.test.id) != row->test.id; });
    table += std::string("| ") + row->test.id + " | " + row->test.title + " |";
    for (const char* column : kColumns) {
      const auto found = std::find_if(row, end, [&](const Outcome& one) { return one.version == column; });
      table += std::string(" ") + (found == end ? "" : cell(found->status)) + " |";
    }
    table += '\n';
    const auto failed = std::find_if(row, end, [](const Outcome& one) {
      return one.status == Status::kFail || one.status == Status::kKnownFailure;
    });
    if (failed != end) {
      const auto* entry = find_expected(expected, *failed);
      reasons += std::string("- **") + row->test.id +
                 "**: " + (entry ? entry->reason : one_line(failed->reason)) + "\n";
    }
    row = end;
  }
  return table + (reasons.empty() ? "" : "\nFailures:\n\n" + reasons);
}

int exit_code(const std::vector<Outcome>& outcomes, const MaySkip& may_skip) {
  bool any_ran = false;
  for (const auto& outcome : outcomes) {
    if (outcome.status == Status::kFail || outcome.status == Status::kNowPasses) return 1;
    if (outcome.status != Status::kSkip) {
      any_ran = true;
    } else if (may_skip &&
               std::find(may_skip->begin(), may_skip->end(), outcome.version) == may_skip->end()) {
      return 1;
    }
  }
  return any_ran ? 0 : 1;
}

}  // namespace fairlead::conformance
