#include "ipam/lease_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/ipam/store_fixture.hpp"

namespace fairlead::ipam {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using LeaseStoreTest = test::StoreFixture;

TEST_F(LeaseStoreTest, WritesTheReferencesFormat) {
  const Pool pool = test::pool_of({{"10.1.2.0/24"}, {"2001:db8:1::/64"}});
  EXPECT_EQ(allocate(pool, owner("abc")), "10.1.2.2/24@10.1.2.1 2001:db8:1::2/64@2001:db8:1::1");
  EXPECT_THAT(names_in(dir_ / "data/web"),
              ElementsAre("10.1.2.2", "2001:db8:1::2", "last_reserved_ip.0", "last_reserved_ip.1", "lock"));
  EXPECT_EQ(test::read_file(lease_path("10.1.2.2")), "abc\r\neth0");
  EXPECT_EQ(test::read_file(lease_path("2001:db8:1::2")), "abc\r\neth0");
  EXPECT_EQ(test::read_file(lease_path("last_reserved_ip.0")), "10.1.2.2");
  EXPECT_EQ(test::read_file(lease_path("last_reserved_ip.1")), "2001:db8:1::2");
  struct stat status {};
  ASSERT_EQ(::stat(lease_path("10.1.2.2").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_THAT(entries(), SizeIs(1));
}

TEST_F(LeaseStoreTest, FollowsTheRoundRobinOnDisk) {
  struct Case {
    std::vector<const char*> subnets;
    std::vector<const char*> taken;
    const char* last;
    const char* expected;
  };
  const Case cases[] = {
      {{"10.0.0.0/29"}, {}, "", "10.0.0.2/29@10.0.0.1"},
      {{"2001:db8:1::/64"}, {}, "", "2001:db8:1::2/64@2001:db8:1::1"},
      {{"10.0.0.0/30"}, {}, "", "10.0.0.2/30@10.0.0.1"},
      {{"10.0.0.0/29"}, {"10.0.0.2"}, "", "10.0.0.3/29@10.0.0.1"},
      {{"10.0.0.0/29"}, {}, "10.0.0.5", "10.0.0.6/29@10.0.0.1"},
      {{"10.0.0.0/29"}, {"10.0.0.4", "10.0.0.5"}, "10.0.0.3", "10.0.0.6/29@10.0.0.1"},
      {{"10.0.0.0/29"}, {"10.0.0.6"}, "10.0.0.5", "10.0.0.2/29@10.0.0.1"},
      {{"10.0.0.0/29"}, {"10.0.0.2"}, "10.0.0.128", "10.0.0.3/29@10.0.0.1"},
      {{"10.0.0.0/29"}, {"10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"}, "10.0.0.3", "10.0.0.3/29@10.0.0.1"},
      {{"10.0.0.0/30", "10.0.1.0/30"}, {}, "", "10.0.0.2/30@10.0.0.1"},
      {{"10.0.0.0/30", "10.0.1.0/30"}, {}, "10.0.0.2", "10.0.1.2/30@10.0.1.1"},
      {{"10.0.0.0/30", "10.0.1.0/30", "10.0.2.0/30"}, {}, "10.0.2.2", "10.0.0.2/30@10.0.0.1"},
      {{"10.0.0.0/29"}, {}, "nonsense", "10.0.0.2/29@10.0.0.1"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.expected);
    std::filesystem::remove_all(dir_ / "data");
    for (const char* taken : c.taken) plant(taken, "other\r\neth0");
    plant("last_reserved_ip.0", c.last);
    EXPECT_EQ(allocate(test::pool_of({c.subnets}), owner("abc")), c.expected);
    ASSERT_TRUE(store().release(owner("abc")));
  }
}

TEST_F(LeaseStoreTest, GivesExactlyTheHostAddressesThenSaysThatTheSetIsFull) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  for (int i = 2; i <= 6; ++i)
    EXPECT_EQ(allocate(pool, owner("c" + std::to_string(i))), "10.0.0." + std::to_string(i) + "/29@10.0.0.1");
  auto full = store().allocate(pool, owner("c7"), {});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::kExhausted);
  EXPECT_EQ(full.error().what,
            "allocate from network web: range set 0: no IP addresses available in range set: "
            "10.0.0.1-10.0.0.6: all 5 addresses of 10.0.0.0/29 are in use");
  EXPECT_THAT(full.error().remedy, HasSubstr("fairlead net gc"));
  EXPECT_THAT(leases(), SizeIs(5));
  EXPECT_THAT(entries(), SizeIs(5));
}

TEST_F(LeaseStoreTest, AllocatesFromPointToPointAndHostSubnets) {
  EXPECT_EQ(
      allocate(test::pool_of({{"10.0.0.0/31"}, {"10.0.1.7/32"}, {"2001:db8::/127"}, {"2001:db8:1::7/128"}}),
               owner("abc")),
      "10.0.0.0/31@10.0.0.1 10.0.1.7/32 2001:db8::/127@2001:db8::1 2001:db8:1::7/128");
}

TEST_F(LeaseStoreTest, DoesNotGiveAReleasedAddressNext) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  EXPECT_EQ(allocate(pool, owner("abc")), "10.0.0.2/29@10.0.0.1");
  auto freed = store().release(owner("abc"));
  ASSERT_TRUE(freed);
  EXPECT_EQ(*freed, test::ips({"10.0.0.2"}));
  EXPECT_EQ(allocate(pool, owner("abc")), "10.0.0.3/29@10.0.0.1");
}

TEST_F(LeaseStoreTest, RemembersAShorterAddressThanBefore) {
  plant("last_reserved_ip.0", "10.0.0.255");
  EXPECT_EQ(allocate(test::pool_of({{"10.0.0.0/24"}}), owner("abc")), "10.0.0.2/24@10.0.0.1");
  EXPECT_EQ(test::read_file(lease_path("last_reserved_ip.0")), "10.0.0.2");
}

TEST_F(LeaseStoreTest, FindsTheOnlyGapBehindManyTakenAddresses) {
  for (int i = 2; i < 255; ++i)
    if (i != 200) plant("10.0.0." + std::to_string(i), "other\r\neth0");
  const Pool pool = test::pool_of({{"10.0.0.0/24"}});
  EXPECT_EQ(allocate(pool, owner("abc")), "10.0.0.200/24@10.0.0.1");
  EXPECT_THAT(allocate(pool, owner("def")), HasSubstr("all 253 addresses of 10.0.0.0/24 are in use"));
}

TEST_F(LeaseStoreTest, GivesRequestedAddressesAndMovesTheRoundRobinThere) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}, {"2001:db8::/64"}});
  EXPECT_EQ(allocate(pool, owner("abc"), {"10.0.0.5"}), "10.0.0.5/29@10.0.0.1 2001:db8::2/64@2001:db8::1");
  EXPECT_EQ(test::read_file(lease_path("last_reserved_ip.0")), "10.0.0.5");
}

TEST_F(LeaseStoreTest, HoldsNothingAfterARequestThatCannotBeMet) {
  const Pool pool = test::pool_of({{"2001:db8::/64"}, {"10.0.0.0/29"}});
  plant("10.0.0.5", "other\r\neth0");
  EXPECT_THAT(allocate(pool, owner("abc"), {"10.0.0.5"}),
              HasSubstr("requested IP address 10.0.0.5 is not available in range set 10.0.0.1-10.0.0.6: "
                        "container other has it"));
  EXPECT_THAT(store().allocate(pool, owner("abc"), test::ips({"10.0.0.5"})).error().remedy,
              HasSubstr("fairlead net gc"));
  EXPECT_THAT(allocate(pool, owner("abc"), {"10.0.0.1"}), HasSubstr("is the gateway"));
  EXPECT_THAT(allocate(pool, owner("abc"), {"10.0.0.7"}),
              HasSubstr("failed to allocate all requested IPs: 10.0.0.7"));
  EXPECT_THAT(allocate(pool, owner("abc"), {"10.0.0.3", "10.0.0.4"}), HasSubstr("IPs: 10.0.0.4"));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.5"));
  EXPECT_THAT(entries(), ElementsAre(ipam::LeaseIndex::name_of(owner("other"))));  // of the planted lease
}

TEST_F(LeaseStoreTest, RefusesASecondAllocationForOneInterface) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  EXPECT_EQ(allocate(pool, owner("abc")), "10.0.0.2/29@10.0.0.1");
  auto second = store().allocate(pool, owner("abc"), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kExists);
  EXPECT_THAT(second.error().what, HasSubstr("10.0.0.2 has been allocated to container abc interface eth0"));
  EXPECT_THAT(second.error().remedy, HasSubstr("DEL"));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2"));
  EXPECT_EQ(allocate(pool, owner("abc", "eth1")), "10.0.0.3/29@10.0.0.1");
}

TEST_F(LeaseStoreTest, ReleasesOnlyTheInterfaceThatIsNamed) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}, {"2001:db8::/64"}});
  static_cast<void>(allocate(pool, owner("abc")));
  static_cast<void>(allocate(pool, owner("abc", "eth1")));
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.3", "2001:db8::3"));
  EXPECT_THAT(entries(), SizeIs(1));
  EXPECT_TRUE(store().release(owner("abc")));
  EXPECT_TRUE(store().release(owner("never")));
  EXPECT_THAT(leases(), SizeIs(2));
}

TEST_F(LeaseStoreTest, ReleaseOnAHostWithoutTheDirectoryMakesNothing) {
  auto freed = store().release(owner("abc"));
  ASSERT_TRUE(freed);
  EXPECT_THAT(*freed, IsEmpty());
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
}

TEST_F(LeaseStoreTest, ReleasesLeasesThatTheReferenceWrote) {
  plant("10.0.0.2", "abc\r\neth0");
  plant("10.0.0.3", "abc\r\neth1");
  plant("2001:db8::2", "abc\r\neth0");
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.3"));
}

TEST_F(LeaseStoreTest, ReleasesOldLeasesWithOnlyAContainerIdAndWhiteSpace) {
  plant("10.0.0.2", "abc");
  plant("10.0.0.3", "  abc \n");
  plant("10.0.0.4", "abcd");
  plant("last_reserved_ip.0", "abc");  // no lease, whatever it says
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.4"));
  EXPECT_EQ(test::read_file(lease_path("last_reserved_ip.0")), "abc");
}

TEST_F(LeaseStoreTest, PrefersLeasesThatNameTheInterfaceToOldOnes) {
  plant("10.0.0.2", "abc");
  plant("10.0.0.3", "abc\r\neth0\n");
  ASSERT_TRUE(store().release(owner("abc")));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2"));
}

TEST_F(LeaseStoreTest, KnowsTheLeasesOfAnOwner) {
  static_cast<void>(allocate(test::pool_of({{"10.0.0.0/29"}}), owner("abc")));
  plant("10.0.0.6", "def\r\neth0");
  EXPECT_EQ(*store().leases_of(owner("abc")), test::ips({"10.0.0.2"}));
  EXPECT_EQ(*store().leases_of(owner("def")), test::ips({"10.0.0.6"}));
  EXPECT_THAT(*store().leases_of(owner("ghi")), IsEmpty());
  std::filesystem::remove(lease_path("10.0.0.2"));  // what the reference's DEL does
  EXPECT_THAT(*store().leases_of(owner("abc")), IsEmpty());
}

TEST_F(LeaseStoreTest, CollectFreesAllButTheValid) {
  const Pool pool = test::pool_of({{"10.0.0.0/28"}});
  for (const char* id : {"a", "b", "c"}) static_cast<void>(allocate(pool, owner(id)));
  plant("10.0.0.9", "old\n");
  plant("10.0.0.10", "gone");
  plant("10.0.0.11", "a\r\neth1");
  plant("10.0.0.12", "");
  plant("10.0.0.13", std::string(64, '\0'));
  plant("notes", "a\r\neth0");
  const std::vector<Owner> valid{owner("old"), owner("b"), owner("a")};
  auto freed = store().collect(valid);
  ASSERT_TRUE(freed) << freed.error().what;
  EXPECT_THAT(*freed, SizeIs(5));
  EXPECT_THAT(names_in(dir_ / "data/web"),
              ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.9", "last_reserved_ip.0", "lock", "notes"));
  EXPECT_THAT(entries(), SizeIs(2));
}

TEST_F(LeaseStoreTest, CollectWithoutAnyValidEmptiesTheNetworkAndItsIndex) {
  const Pool pool = test::pool_of({{"10.0.0.0/28"}});
  for (const char* id : {"a", "b", "c"}) static_cast<void>(allocate(pool, owner(id)));
  ASSERT_TRUE(store().collect({}));
  EXPECT_THAT(names_in(dir_ / "data/web"), ElementsAre("last_reserved_ip.0", "lock"));
  EXPECT_THAT(entries(), IsEmpty());
  EXPECT_TRUE(store().collect({}));
}

// What happens between the list of the leases and their removal: an interface that is attached by then, one
// that went and whose address is another's, one that went and came again.
TEST_F(LeaseStoreTest, CollectTakesNothingFromWhoComesWhileItWorks) {
  const Pool pool = test::pool_of({{"10.0.0.0/28"}});
  for (const char* id : {"attached", "gone", "again", "stale"}) static_cast<void>(allocate(pool, owner(id)));
  const auto meanwhile = [&]() -> Result<std::vector<Owner>> {
    for (const char* id : {"gone", "again"}) EXPECT_TRUE(store().release(owner(id)));
    EXPECT_EQ(allocate(pool, owner("other"), {"10.0.0.3"}).find("error"), std::string::npos);
    EXPECT_EQ(allocate(pool, owner("again"), {"10.0.0.4"}).find("error"), std::string::npos);
    return std::vector<Owner>{owner("attached")};
  };
  const auto freed = store().collect({}, meanwhile);
  ASSERT_TRUE(freed) << freed.error().what;
  ASSERT_THAT(*freed, SizeIs(1));
  EXPECT_EQ(freed->front().owner.container_id, "stale");
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.4"));
  EXPECT_THAT(entries(), SizeIs(3));
}

TEST_F(LeaseStoreTest, CollectFreesNothingWhereNobodyCanSayWhoIsAttached) {
  static_cast<void>(allocate(test::pool_of({{"10.0.0.0/28"}}), owner("a")));
  const auto unknown = []() -> Result<std::vector<Owner>> {
    return Unexpected(Errc::kIo, "list the records: EIO");
  };
  const auto freed = store().collect({}, unknown);
  ASSERT_FALSE(freed);
  EXPECT_EQ(freed.error().code, Errc::kIo);
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2"));
}

TEST_F(LeaseStoreTest, SaysThatASetIsFullWithoutTouchingAnything) {
  const Pool pool = test::pool_of({{"10.0.0.0/24"}, {"10.1.0.0/30"}});
  EXPECT_TRUE(store().check_available(pool));
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
  plant("10.1.0.2", "other\r\neth0");
  auto full = store().check_available(pool);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::kExhausted);
  EXPECT_EQ(full.error().what,
            "network web: range set 1: no IP addresses available in range set: 10.1.0.1-10.1.0.2: the only "
            "address of 10.1.0.0/30 is in use");
  EXPECT_THAT(names_in(dir_ / "data/web"), ElementsAre("10.1.0.2"));
}

TEST_F(LeaseStoreTest, NamesTheDataDirectoryThatCannotBeWritten) {
  const Pool pool = test::pool_of({{"10.0.0.0/24"}});
  // /proc takes no new files from anyone, not even from root.
  const LeaseStore store =
      *LeaseStore::at({.data_dir = "/proc/sys", .network = "web", .run_dir = dir_ / "run"});
  auto given = store.allocate(pool, owner("abc"), {});
  ASSERT_FALSE(given);
  EXPECT_THAT(given.error().to_string(), HasSubstr("/proc/sys/web"));
  auto ready = store.check_available(pool);
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().to_string(), HasSubstr("ipam.dataDir"));
}

TEST_F(LeaseStoreTest, RefusesNamesThatCouldLeaveTheDirectory) {
  for (const char* name : {"", "..", "../web", "a/b", ".hidden", "a b", "-x"})
    EXPECT_FALSE(LeaseStore::at({.data_dir = dir_.path(), .network = name, .run_dir = dir_.path()})) << name;
  EXPECT_FALSE(LeaseStore::at({.data_dir = "leases", .network = "web", .run_dir = dir_.path()}));
  const Pool pool = test::pool_of({{"10.0.0.0/24"}});
  for (const Owner& bad : {owner(""), owner("a\nb"), owner("a b"), owner("a", ""), owner("a", "x/y")}) {
    auto given = store().allocate(pool, bad, {});
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error().code, Errc::kInvalid);
    EXPECT_NE(given.error().remedy, "") << given.error().what;
  }
  EXPECT_THAT(names_in(dir_.path()), IsEmpty());
}

TEST_F(LeaseStoreTest, TreatsOneDirectoryWrittenTwoWaysAsOne) {
  const Pool pool = test::pool_of({{"10.0.0.0/24"}});
  static_cast<void>(allocate(pool, owner("abc")));
  const LeaseStore same =
      *LeaseStore::at({.data_dir = dir_ / "data//", .network = "web", .run_dir = dir_ / "run"});
  EXPECT_FALSE(same.allocate(pool, owner("abc"), {}));
}

TEST_F(LeaseStoreTest, IsNotMisledByThingsThatAreNoLeases) {
  const Pool pool = test::pool_of({{"10.0.0.0/29"}});
  std::filesystem::create_directories(lease_path("10.0.0.2"));
  std::filesystem::create_symlink("nowhere", lease_path("10.0.0.3"));
  ASSERT_EQ(::mkfifo(lease_path("10.0.0.4").c_str(), 0600), 0);
  EXPECT_EQ(allocate(pool, owner("abc")), "10.0.0.5/29@10.0.0.1");
  EXPECT_TRUE(store().release(owner("never")));
  ASSERT_TRUE(store().collect({}));
  EXPECT_THAT(leases(), ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.4"));
}

}  // namespace
}  // namespace fairlead::ipam
