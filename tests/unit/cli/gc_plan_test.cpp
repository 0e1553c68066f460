// What `fairlead net gc` decides about attachments, and about those that come while it works.
#include "cli/runtime/gc_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

cni::AttachmentId id(const std::string& container) { return {.container_id = container, .ifname = "eth0"}; }

KnownAttachment known(const std::string& container, Life life, AttachmentMark mark = {}) {
  return {.id = id(container), .netns = "", .life = life, .reason = "because", .mark = mark};
}

std::vector<cni::AttachmentId> gone(const GcPlan& plan) { return still_gone(plan, plan); }

TEST(GcPlan, KeepsWhatLivesAndWhatIsNamedAndSaysWhy) {
  const std::vector<KnownAttachment> all{known("alive", Life::kAlive), known("gone", Life::kGone),
                                         known("unknown", Life::kUnknown), known("named", Life::kGone)};
  const GcPlan plan = plan_gc(all, {id("named")}, Unnamed::kKeepUnlessGone);
  EXPECT_THAT(plan.valid, ElementsAre(id("named"), id("alive"), id("unknown")));
  EXPECT_THAT(gone(plan), ElementsAre(id("gone")));
  EXPECT_EQ(plan.lines,
            "keep    alive/eth0  because\nremove  gone/eth0  because\n"
            "keep    unknown/eth0  because\nkeep    named/eth0  named\n");
  EXPECT_THAT(plan.notes, ElementsAre("note: kept unknown/eth0: because; --keep-none removes it"));

  const GcPlan none = plan_gc(all, {id("named")}, Unnamed::kRemove);
  EXPECT_THAT(none.valid, ElementsAre(id("named")));
  EXPECT_THAT(gone(none), ElementsAre(id("alive"), id("gone"), id("unknown")));
  EXPECT_THAT(none.notes, IsEmpty());
}

TEST(GcPlan, WhatCameSinceIsValidWhateverWouldBeDecidedAboutIt) {
  for (const Unnamed unnamed : {Unnamed::kKeepUnlessGone, Unnamed::kRemove}) {
    const GcPlan first = plan_gc({known("gone", Life::kGone)}, {}, unnamed);
    const GcPlan later = plan_gc(
        {known("gone", Life::kGone), known("new", Life::kAlive), known("short", Life::kGone)}, {}, unnamed);
    EXPECT_THAT(valid_by_now(first, later), testing::UnorderedElementsAre(id("new"), id("short")));
  }
}

TEST(GcPlan, WhatCameAgainSinceIsValid) {
  const GcPlan first = plan_gc({known("c1", Life::kGone)}, {}, Unnamed::kKeepUnlessGone);
  const GcPlan later = plan_gc({known("c1", Life::kAlive)}, {}, Unnamed::kKeepUnlessGone);
  EXPECT_THAT(valid_by_now(first, later), ElementsAre(id("c1")));
}

// Whatever is said about all of them: this is none that the first plan was about.
TEST(GcPlan, WhatWasAttachedAnewSinceIsValid) {
  const FileTime then(std::chrono::seconds(5));
  const FileTime now(std::chrono::seconds(6));
  const AttachmentMark first{.cookie = 7, .cached_at = then};
  const auto later_with = [&](const AttachmentMark& mark) {
    return plan_gc({known("c1", Life::kGone, mark)}, {}, Unnamed::kRemove);
  };
  const GcPlan plan = later_with(first);
  for (const AttachmentMark& anew :
       {AttachmentMark{.cookie = 8, .cached_at = then}, AttachmentMark{.cookie = 7, .cached_at = now}}) {
    EXPECT_THAT(still_gone(plan, later_with(anew)), IsEmpty());
    EXPECT_THAT(valid_by_now(plan, later_with(anew)), ElementsAre(id("c1")));
  }
  // Its record, or its cache entry, went with a DEL that failed behind that.
  for (const AttachmentMark& less : {first, AttachmentMark{.cookie = 7, .cached_at = {}},
                                     AttachmentMark{.cookie = 0, .cached_at = then}}) {
    EXPECT_THAT(still_gone(plan, later_with(less)), ElementsAre(id("c1")));
    EXPECT_THAT(valid_by_now(plan, later_with(less)), IsEmpty());
  }
}

TEST(GcPlan, WhatWasKeptAndIsNoLongerKnownStaysValid) {
  const GcPlan first = plan_gc({known("c1", Life::kAlive)}, {id("c0")}, Unnamed::kKeepUnlessGone);
  EXPECT_THAT(valid_by_now(first, plan_gc({}, {}, Unnamed::kKeepUnlessGone)),
              ElementsAre(id("c0"), id("c1")));
}

}  // namespace
}  // namespace fairlead::cli
