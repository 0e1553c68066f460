#include "fairlead/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <type_traits>
#include <vector>

#include "fairlead/result.hpp"

namespace fairlead {
namespace {

TEST(Error, TextHasContextRemedyAndSecondaryErrorsOnOneLine) {
  Error error = error_from_errno(EEXIST, "create veth v1").with_context("attach c1").with_remedy("delete v1");
  error.secondary.push_back(Error{.code = Errc::kIo, .what = "undo failed"});
  EXPECT_EQ(error.to_string(),
            "attach c1: create veth v1: EEXIST: File exists (delete v1); also: undo failed");
  EXPECT_EQ(error.code, Errc::kExists);
  EXPECT_EQ(error.kernel->err, EEXIST);
}

TEST(Error, FirstRemedyStays) {
  EXPECT_EQ((Error{.what = "x", .remedy = "first"}).with_remedy("second").remedy, "first");
}

TEST(Error, JoinKeepsTheFirstAndTheOthersBehindIt) {
  const Error joined =
      join_errors({Error{.code = Errc::kBusy, .what = "a"}, Error{.what = "b"}, Error{.what = "c"}});
  EXPECT_EQ(joined.what, "a");
  EXPECT_EQ(joined.code, Errc::kBusy);
  ASSERT_EQ(joined.secondary.size(), 2U);
  EXPECT_EQ(joined.secondary[1].what, "c");
}

TEST(Error, JoinTellsEachRemedyOnce) {
  const Error nested{.what = "c", .remedy = "free space", .secondary = {{.what = "d", .remedy = "wait"}}};
  EXPECT_EQ(join_errors({Error{.what = "a"}, Error{.what = "b", .remedy = "free space"}, nested,
                         Error{.what = "e", .remedy = "wait"}})
                .to_string(),
            "a; also: b (free space); also: c; also: d (wait); also: e");
}

TEST(Error, ErrnoNamesAndClasses) {
  EXPECT_EQ(errno_name(ENODEV), "ENODEV");
  EXPECT_EQ(errno_name(4095), "errno 4095");
  EXPECT_EQ(errc_of_errno(ENODEV), Errc::kNotFound);
  EXPECT_EQ(errc_of_errno(EXFULL), Errc::kExhausted);
  EXPECT_EQ(errc_of_errno(EROFS), Errc::kDenied);
  EXPECT_EQ(errc_of_errno(EPIPE), Errc::kIo);
}

TEST(Error, ANumberThatLibcDoesNotKnowIsNoNullPointer) {
  for (const int err : {521, 524, 528, 4095, 0, -1}) {
    EXPECT_STRNE(errno_text(err), "");
    EXPECT_NE(error_from_errno(err, "write").what.find("write: "), std::string::npos);
  }
  EXPECT_EQ(error_from_errno(524, "create link").what, "create link: ENOTSUPP: Operation not supported");
  EXPECT_EQ(errc_of_errno(524), Errc::kUnsupported);
}

Result<int> half(int value) {
  if (value % 2 != 0) return Unexpected(Errc::kInvalid, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  FAIRLEAD_TRY(int first, half(value));
  FAIRLEAD_TRY(int second, half(first));
  return second;
}
Result<void> must_be_divisible_by_four(int value) {
  FAIRLEAD_CHECK(quarter(value));
  return {};
}

TEST(Result, MacrosPassTheErrorOn) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().what, "odd");
  EXPECT_TRUE(must_be_divisible_by_four(4));
  EXPECT_EQ(must_be_divisible_by_four(2).error().code, Errc::kInvalid);
}

TEST(Result, ChainsLikeExpected) {
  EXPECT_EQ(half(8).and_then(half).transform([](int v) { return v + 1; }).value(), 3);
  EXPECT_EQ(half(3).and_then(half).value_or(-1), -1);
}

TEST(Result, OfATemporaryYieldsAValueThatOutlivesIt) {
  static_assert(std::is_same_v<decltype(*std::declval<Result<std::string>>()), std::string>);
  static_assert(std::is_same_v<decltype(std::declval<Result<std::string>>().value()), std::string>);
  const auto list = [] { return Result<std::vector<std::string>>({std::string(100, 'a'), "b"}); };
  std::size_t length = 0;
  for (const std::string& text : *list()) length += text.size();
  EXPECT_EQ(length, 101U);
}

TEST(ResultDeathTest, TakingTheWrongAlternativeAborts) {
  const auto wrong = half(3);
  EXPECT_DEATH((void)wrong.value(), "");
}

}  // namespace
}  // namespace fairlead
