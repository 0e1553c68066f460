// When the skeleton of the tables is wanted, and why.
#include <gtest/gtest.h>

#include "tests/unit/plan/wants.hpp"

namespace fairlead {
namespace {

using namespace test;

const nft::TableSpec kWhole{.name = "whole"}, kFlushed{.name = "flushed"};
const nft::Element kElement{.set = {.table = "whole", .set = "s"}, .key = {1}};

Plan plan_for(const WantElements& want, Observed::Elements seen) {
  const auto plan = diff({Want{.item = want}}, Observed{{std::move(seen)}});
  EXPECT_TRUE(plan) << plan.error().to_string();
  return plan ? *plan : Plan{};
}

TEST(DiffElements, ATableThatLostItsRulesIsEnsuredAlthoughAllElementsAreThere) {
  const WantElements want{.tables = {kWhole, kFlushed}, .elements = {kElement}};
  const Plan plan = plan_for(want, {{true}, {true, false}});
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].action, Action(EnsureTable{kFlushed}));
  EXPECT_TRUE(plan[0].shared);
  EXPECT_EQ(plan[0].reason, "missing, incomplete or of an older layout");
}

TEST(DiffElements, TablesThatWereNotAskedForAreEnsuredWithTheElementThatIsMissing) {
  const WantElements want{.tables = {kWhole}, .elements = {kElement}};
  EXPECT_EQ(plan_for(want, {{false}, {}}), (Plan{shared(EnsureTable{kWhole}), host(AddElement{kElement})}));
}

TEST(DiffElements, ATableIsWantedWithoutElementsAsWell) {
  EXPECT_EQ(plan_for({.tables = {kWhole}, .elements = {}}, {}).size(), 1U);
  EXPECT_TRUE(plan_for({.tables = {kWhole}, .elements = {}}, {{}, {true}}).empty());
}

}  // namespace
}  // namespace fairlead
