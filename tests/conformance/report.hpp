// What came out, for people (text, Markdown) and for machines (JSON, exit code).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/runner.hpp"

namespace fairlead::conformance {

/// One line of an --expect-failures file: `ID VERSIONS REASON`, VERSIONS a comma list or `*`.
struct Expected {
  std::string id{};
  std::string versions{};
  std::string reason{};
};

/// Throws Failure for an unreadable file, a line without a reason and an id that no case has.
std::vector<Expected> read_expected(const std::string& path);
/// Turns failures that are listed into known ones, and passes that are listed into a complaint.
void apply_expected(std::vector<Outcome>& outcomes, const std::vector<Expected>& expected);

std::string text_report(const std::vector<Outcome>& outcomes);
std::string json_report(const std::vector<Outcome>& outcomes);
/// A table with one row per case, one column per version, and the reasons below it.
std::string markdown_report(const std::vector<Outcome>& outcomes, const std::vector<Expected>& expected);
/// Versions whose runs may be skipped; nothing: those of any.
using MaySkip = std::optional<std::vector<std::string>>;
/// 0, or 1 if a case failed that is not listed, a listed one passed, none was run, or one was left out that
/// may not be.
int exit_code(const std::vector<Outcome>& outcomes, const MaySkip& may_skip);

}  // namespace fairlead::conformance
