// diff() of a single want.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/plan/wants.hpp"

namespace fairlead::test {

// One want and what is seen of it.
template <class W, class S>
Result<Plan> diff_one(W want, S seen, bool is_shared = false, Side side = Side::kHost) {
  return diff({Want{.side = side, .shared = is_shared, .item = std::move(want)}},
              Observed{{std::move(seen)}});
}

// The only op of a plan, or a failed test.
inline Op only(const Result<Plan>& plan) {
  EXPECT_TRUE(plan.has_value()) << plan.error().to_string();
  if (!plan) return host(EnsureTable{});
  EXPECT_EQ(plan->size(), 1U);
  return plan->size() == 1 ? plan->front() : host(EnsureTable{});
}

}  // namespace fairlead::test
