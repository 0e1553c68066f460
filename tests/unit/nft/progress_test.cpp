#include "nft/progress.hpp"

#include <gtest/gtest.h>

namespace fairlead::nft {
namespace {

using enum OpStatus;
using Statuses = std::vector<OpStatus>;

Planned plan(std::size_t commands, std::vector<std::size_t> needs) {
  Planned planned;
  for (std::size_t i = 0; i < commands; ++i) {
    planned.commands.push_back({.kind = Command::Kind::kAddElement, .op = 0});
  }
  planned.needs = std::move(needs);
  return planned;
}

TEST(NftProgress, AllIsDoneOnceTheWholeTransactionIs) {
  Progress progress(3);
  progress.record(plan(2, {1, 0, 2}), 2, kNotDone);
  EXPECT_EQ(progress.statuses(), (Statuses{kDone, kDone, kDone}));
}

TEST(NftProgress, NothingToDoIsNothingDoneInATransactionThatFails) {
  Progress progress(3);
  progress.record(plan(2, {1, 0, 2}), 0, kNotDone);
  EXPECT_EQ(progress.statuses(), (Statuses{kNotDone, kNotDone, kNotDone}));
  progress.record(plan(2, {1, 0, 2}), 0, kUnknown);
  EXPECT_EQ(progress.statuses(), (Statuses{kUnknown, kNotDone, kUnknown}));
}

TEST(NftProgress, WhatAnEarlierAttemptCommittedStaysDone) {
  Progress progress(3);
  progress.record(plan(2, {1, 2, 0}), 1, kNotDone);  // the first half of a split transaction
  EXPECT_EQ(progress.statuses(), (Statuses{kDone, kNotDone, kNotDone}));
  progress.record(plan(1, {0, 1, 0}), 0, kNotDone);  // the next attempt finds it there, and fails
  EXPECT_EQ(progress.statuses(), (Statuses{kDone, kNotDone, kNotDone}));
}

TEST(NftProgress, WhatWasTakenAwayMeanwhileIsNotDone) {
  Progress progress(2);
  progress.record(plan(2, {1, 2}), 1, kNotDone);
  progress.record(plan(2, {1, 2}), 0, kNotDone);
  EXPECT_EQ(progress.statuses(), (Statuses{kNotDone, kNotDone}));
}

}  // namespace
}  // namespace fairlead::nft
