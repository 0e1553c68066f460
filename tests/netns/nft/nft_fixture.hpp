// What the nft tests share: the ruleset as nft(8) sees it, ops, and a table that uses every feature.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "fairlead/op.hpp"
#include "nft/nft_channel.hpp"

namespace fairlead::nft {

struct CommandResult {
  int status = -1;
  std::string output;  ///< stdout and stderr
};

/// Runs a shell command in this test's namespaces.
inline CommandResult run(const std::string& command) {
  CommandResult result;
  FILE* pipe = popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) return result;
  char buffer[4096];
  for (std::size_t size; (size = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    result.output.append(buffer, size);
  result.status = pclose(pipe);
  return result;
}

inline std::string must_run(const std::string& command) {
  const CommandResult result = run(command);
  EXPECT_EQ(result.status, 0) << command << ":\n" << result.output;
  return result.output;
}

/// Starts with an empty ruleset, also where several tests share a process.
class NftTest : public testing::Test {
 protected:
  void SetUp() override { must_run("nft flush ruleset"); }
};

inline std::string listing() { return must_run("nft list ruleset"); }

inline std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

inline Op ensure(const TableSpec& table) { return {.action = EnsureTable{table}, .shared = true}; }
inline Op add(const Element& element) { return {.action = AddElement{element}}; }
inline Op remove(const Element& element) { return {.action = RemoveElement{element}}; }

inline std::string text_of(const std::vector<OpOutcome>& outcomes) {
  std::string text;
  for (const OpOutcome& outcome : outcomes) {
    text += outcome.status == OpStatus::kDone      ? "done"
            : outcome.status == OpStatus::kNotDone ? "not done"
                                                   : "unknown";
    text += outcome.error ? " (" + outcome.error->to_string() + "); " : "; ";
  }
  return text;
}

inline bool all_done(const std::vector<OpOutcome>& outcomes) {
  for (const OpOutcome& outcome : outcomes) {
    if (outcome.status != OpStatus::kDone || outcome.error) return false;
  }
  return true;
}

inline Channel open_channel() {
  auto channel = Channel::open();
  EXPECT_TRUE(channel) << channel.error().to_string();
  return *std::move(channel);
}

inline LinkName link(const char* name) { return *LinkName::parse(name); }
inline IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }

/// A table with every kind of set, chain and expression that the values can say.
TableSpec everything(Family family);

}  // namespace fairlead::nft
