// What is left when a process dies, a disk is full, or many processes work at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <set>

#include "ipam/lease_index.hpp"
#include "ipam/lease_store.hpp"
#include "tests/unit/ipam/store_fixture.hpp"

namespace fairlead::ipam {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LeaseCrashTest : public test::StoreFixture {
 protected:
  [[nodiscard]] LeaseIndex index() const { return {dir_ / "run", dir_ / "data", "web"}; }
  void plant_entry(const Owner& who, const std::vector<const char*>& addresses) const {
    ASSERT_TRUE(index().write(who, test::ips(addresses)));
  }
};

/// Runs `body` in a process of its own; its exit code, or 128 and the signal.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(LeaseCrashTest, KilledAfterTheIndexEntryLeavesNothingAfterRelease) {
  plant_entry(owner("abc"), {"10.0.0.2", "2001:db8::2"});
  plant("10.0.0.2", "other\r\neth0");  // given to another in the meantime
  auto freed = store().release(owner("abc"));
  ASSERT_TRUE(freed) << freed.error().what;
  EXPECT_THAT(*freed, IsEmpty());
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2"));
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LeaseCrashTest, KilledBetweenTwoLeasesLeavesNothingAfterRelease) {
  plant_entry(owner("abc"), {"10.0.0.2", "2001:db8::2"});
  plant("10.0.0.2", "abc\r\neth0");
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LeaseCrashTest, KilledBeforeALeaseWasWrittenLeavesNothingAfterRelease) {
  plant_entry(owner("abc"), {"10.0.0.2"});
  plant("10.0.0.2", "");  // created with O_EXCL, killed before write
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LeaseCrashTest, KilledInReleaseIsFinishedByTheNextOne) {
  plant_entry(owner("abc"), {"10.0.0.2", "2001:db8::2"});
  plant("2001:db8::2", "abc\r\neth0");
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LeaseCrashTest, AnAllocationReplacesTheRemainsOfAKilledOne) {
  plant_entry(owner("abc"), {"10.0.0.2", "10.1.0.2"});
  plant("10.0.0.2", "");
  EXPECT_EQ(allocate(test::pool_of({{"10.0.0.0/29"}, {"10.1.0.0/29"}}), owner("abc")),
            "10.0.0.2/29@10.0.0.1 10.1.0.2/29@10.1.0.1");
  EXPECT_EQ(*index().find(owner("abc")), test::ips({"10.0.0.2", "10.1.0.2"}));
}

TEST_F(LeaseCrashTest, CollectTakesWhatAnyCrashLeaves) {
  plant_entry(owner("a"), {"10.0.0.2"});  // index entry without lease
  plant_entry(owner("b"), {"10.0.0.3"});
  plant("10.0.0.3", "");           // index entry, unwritten lease
  plant("10.0.0.4", "c\r\neth0");  // lease without index entry
  plant("10.0.0.5", "");           // unwritten lease whose index is lost
  plant_entry(owner("d"), {"10.0.0.6"});
  plant("10.0.0.6", "d\r\neth0");         // an attachment that is in use
  plant_entry(owner("e"), {"10.0.0.6"});  // an entry whose address went to another
  const std::vector<Owner> valid{owner("d")};
  ASSERT_TRUE(store().collect(valid));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.6"));
  EXPECT_THAT(entries(), ElementsAre(LeaseIndex::name_of(owner("d"))));
}

TEST_F(LeaseCrashTest, ALostIndexIsReplacedByOneScan) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  static_cast<void>(allocate(pool, owner("abc")));
  std::filesystem::remove_all(dir_ / "run");  // a reboot
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), IsEmpty());
}

TEST_F(LeaseCrashTest, AfterABootASecondAllocationIsStillASecondOne) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  static_cast<void>(allocate(pool, owner("abc")));
  static_cast<void>(allocate(pool, owner("def")));
  plant("10.0.0.6", "ghi\r\neth0");           // the reference's
  std::filesystem::remove_all(dir_ / "run");  // a reboot
  EXPECT_THAT(allocate(pool, owner("abc")), HasSubstr("10.0.0.2 has been allocated"));
  EXPECT_THAT(allocate(pool, owner("ghi")), HasSubstr("10.0.0.6 has been allocated"));
  EXPECT_THAT(allocate(pool, owner("new")), "10.0.0.4/29@10.0.0.1");
  EXPECT_THAT(entries(), SizeIs(4));
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.3", "10.0.0.4", "10.0.0.6"));
}

TEST_F(LeaseCrashTest, AnIndexWhoseMakerWasKilledIsMadeComplete) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  static_cast<void>(allocate(pool, owner("abc")));
  static_cast<void>(allocate(pool, owner("def")));
  const std::string built = index().directory();
  std::filesystem::remove(built + "/" + LeaseIndex::name_of(owner("def")));
  std::filesystem::rename(built, built + ".tmp");
  EXPECT_THAT(allocate(pool, owner("def")), HasSubstr("10.0.0.3 has been allocated"));
}

TEST_F(LeaseCrashTest, AnIndexIsMadeCompleteFromTheLeasesThatThereAreNow) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  static_cast<void>(allocate(pool, owner("abc")));
  const std::string built = index().directory();
  std::filesystem::rename(built, built + ".tmp");   // its maker was killed...
  std::filesystem::remove(lease_path("10.0.0.2"));  // ...and the reference freed and reserved since
  plant("10.0.0.5", "abc\r\neth0");
  EXPECT_THAT(allocate(pool, owner("abc")), HasSubstr("10.0.0.5 has been allocated"));
  EXPECT_EQ(*index().find(owner("abc")), test::ips({"10.0.0.5"}));
}

TEST_F(LeaseCrashTest, AnEntryThatAnotherProgramMadeWrongHidesNoLease) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  static_cast<void>(allocate(pool, owner("abc")));
  std::filesystem::remove(lease_path("10.0.0.2"));  // DEL and ADD of the reference
  plant("10.0.0.5", "abc\r\neth0");
  EXPECT_EQ(*store().leases_of(owner("abc")), test::ips({"10.0.0.5"}));
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LeaseCrashTest, WithoutARunDirectoryNothingIsReservedButEverythingReleased) {
  plant("10.0.0.2", "abc\r\neth0");
  const LeaseStore blind = *LeaseStore::at({.data_dir = dir_ / "data", .network = "web"});
  EXPECT_FALSE(blind.allocate(test::pool_of({{"10.0.0.0/29"}}), owner("def"), {}));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2"));
  ASSERT_TRUE(blind.release(owner("abc")));
  EXPECT_THAT(leases(), IsEmpty());
}

// RLIMIT_FSIZE makes write(2) fail as a full disk does: after `bytes` it writes short, then EFBIG.
int allocate_with_room_for(rlim_t bytes, const LeaseStore& store, const Pool& pool, const Owner& who) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 9;
  auto given = store.allocate(pool, who, {});
  if (given) return 0;
  return given.error().what.find("EFBIG") != std::string::npos && given.error().secondary.empty() ? 1 : 2;
}

TEST_F(LeaseCrashTest, ADiskThatFillsUpInTheMiddleOfALeaseLeavesNothing) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}, {"2001:db8::/64"}});
  EXPECT_EQ(in_child([&] { return allocate_with_room_for(3, store(), pool, owner("abc")); }), 1);
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LeaseCrashTest, ADiskThatFillsUpAfterTheLeasesTakesThemBack) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}, {"2001:db8::/64"}});
  // "a\r\nb" is four bytes, "10.0.0.2" is eight.
  EXPECT_EQ(in_child([&] { return allocate_with_room_for(6, store(), pool, owner("a", "b")); }), 1);
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
  EXPECT_EQ(allocate(pool, owner("a", "b")), "10.0.0.2/29@10.0.0.1 2001:db8::2/64@2001:db8::1");
}

TEST_F(LeaseCrashTest, ALockThatIsHeldUntilTheDeadlineIsATimeout) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  std::filesystem::create_directories(dir_ / "data/web");
  const LeaseDirectory directory = *LeaseDirectory::open(dir_ / "data/web");
  auto lock = directory.lock();
  ASSERT_TRUE(lock);
  const int code = in_child([&] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART flock(2) returns EINTR
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval often{.it_interval = {0, 1000}, .it_value = {0, 1000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    auto given = store().allocate(pool, owner("abc"), {});
    return !given && given.error().code == Errc::kTimeout ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_THAT(leases(), IsEmpty());
  EXPECT_THAT(entries(), IsEmpty());
}

TEST_F(LeaseCrashTest, EightProcessesGetDistinctAddresses) {
  constexpr int kProcesses = 8;
  constexpr int kEach = 25;
  const Pool pool = test::pool_of({{"10.0.0.0/23"}, {"2001:db8::/64"}});
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      // Each frees every fifth of its own again, so that allocation and release meet.
      int failures = 0;
      for (int i = 0; i < kEach; ++i) {
        const Owner who = owner("c" + std::to_string(process) + "-" + std::to_string(i));
        if (!store().allocate(pool, who, {})) ++failures;
        if (i % 5 == 4 && !store().release(who)) ++failures;
      }
      ::_exit(failures);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  std::multiset<std::string> contents;
  for (const std::string& name : leases()) contents.insert(test::read_file(lease_path(name)));
  const std::set<std::string> owners(contents.begin(), contents.end());
  EXPECT_EQ(owners.size(), std::size_t{kProcesses * kEach * 4 / 5});
  EXPECT_EQ(contents.size(), owners.size() * 2);  // one of each set
  EXPECT_THAT(entries(), SizeIs(owners.size()));
}

TEST_F(LeaseCrashTest, KilledAtAnyMomentEverythingIsReleasable) {
  const Pool pool = test::pool_of({{"10.0.0.0/24"}, {"2001:db8::/64"}});
  for (int round = 0; round < 40; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) {
        static_cast<void>(store().allocate(pool, owner("abc"), {}));
        static_cast<void>(store().release(owner("abc")));
        if (::write(ends[1], "", 1) != 1) ::_exit(1);
      }
    }
    // The signal arrives wherever the child has got to after its first rounds.
    char byte = 0;
    for (int i = 0; i <= round % 4; ++i) ASSERT_EQ(::read(ends[0], &byte, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ::close(ends[0]);
    ::close(ends[1]);
    auto freed = store().release(owner("abc"));
    ASSERT_TRUE(freed) << freed.error().what;
    ASSERT_THAT(leases(), IsEmpty()) << "round " << round;
    ASSERT_THAT(entries(), IsEmpty()) << "round " << round;
  }
}

}  // namespace
}  // namespace fairlead::ipam
