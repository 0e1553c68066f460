// DEL on a model of the host: with and without a record, too late, and more than once.
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

TEST_F(Attach, DelPassesOverAnOperationThatItDoesNotKnowAndSaysSo) {
  warm_up();
  const std::string before = host_.dump();
  ASSERT_TRUE(attach(context(), driver_, source_));
  std::string text = *read_file(file_of("c1")).value();
  text.insert(text.rfind("\"undo\":[") + 8, R"({"op":"remove-rule","side":"host","handle":7},)");
  ASSERT_TRUE(replace_file(file_of("c1"), text, 0600));
  std::string logged;
  const Logger log([&](LogLevel, std::string_view id, std::string_view line) {
    logged.append(id).append(" ").append(line).append("\n");
  });
  AttachmentContext watched = context();
  watched.log = &log;
  ASSERT_TRUE(detach(watched, source_));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(has_record());
  EXPECT_EQ(
      logged,
      "FL2009 undo net/c1/eth0: op 'remove-rule' is none that this version can carry out: passed over\n");
}

TEST_F(Attach, DelWorksWithoutNamespaceAndWithoutRecord) {
  warm_up();
  const std::string before = host_.dump();
  for (const char* netns : {"", "/gone", "/run/netns/c1"}) {
    for (const bool keep_record : {true, false}) {
      ASSERT_TRUE(attach(context(), driver_, source_));
      if (!keep_record) std::filesystem::remove_all(run_dir_ + "/attachments");
      const auto detached = detach(context("c1", netns), source_);
      ASSERT_TRUE(detached) << netns << keep_record << ": " << detached.error().to_string();
      EXPECT_EQ(host_.dump(), before) << netns << keep_record;
      EXPECT_FALSE(source_.held);
    }
  }
}

TEST_F(Attach, DelOfNothingSucceedsAndAsksIpamAllTheSame) {
  warm_up();
  const std::string before = host_.dump();
  source_.held = true;
  EXPECT_TRUE(detach(context(), source_));
  EXPECT_TRUE(detach(context("c1", ""), source_));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(source_.held);
}

TEST_F(Attach, AnUnreadableRecordIsReplacedByDerivedNames) {
  warm_up();
  const std::string before = host_.dump();
  ASSERT_TRUE(attach(context(), driver_, source_));
  ASSERT_TRUE(replace_file(file_of("c1"), "{broken", 0600));
  ASSERT_TRUE(detach(context(), source_));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(has_record());
}

TEST_F(Attach, TheAddressStaysTakenWhileALinkMayHaveIt) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  prepare_ = [](FakeKernel& kernel) { kernel.fail_from(0, Fault::kRefused); };
  EXPECT_FALSE(detach(context(), source_));
  EXPECT_TRUE(source_.held);
  EXPECT_TRUE(has_record());
  prepare_ = nullptr;
  EXPECT_TRUE(detach(context(), source_));
  EXPECT_FALSE(source_.held);
  EXPECT_FALSE(has_record());
}

TEST_F(Attach, AFailingIpamDoesNotKeepDelFromRemovingLinks) {
  warm_up();
  const std::string before = host_.dump();
  ASSERT_TRUE(attach(context(), driver_, source_));
  source_.fail_release = true;
  EXPECT_FALSE(detach(context(), source_));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_TRUE(has_record()) << "the lease is still held: a repeated DEL has to find it";
  source_.fail_release = false;
  EXPECT_TRUE(detach(context(), source_));
  EXPECT_FALSE(has_record());
}

TEST_F(Attach, DelDoesNotTouchAnotherAttachmentInTheSameNamespace) {
  FakeSource other;
  ASSERT_TRUE(attach(context("other"), driver_, other));
  const std::string before = host_.dump();
  ASSERT_TRUE(detach(context(), source_));  // never attached, same interface name
  EXPECT_EQ(host_.dump(), before);
}

/// A pair as another program makes it: no alias.
MacAddress foreign_pair(FakeHost& host, FakeHost::Ns container, const char* host_end) {
  const MacAddress mac = *MacAddress::parse("02:00:00:00:00:07");
  EXPECT_FALSE(host.create_link(
      FakeHost::kHostNs,
      {.name = *LinkName::parse(host_end),
       .kind = VethLink{.peer = {.side = Side::kContainer, .name = *LinkName::parse("eth0"), .mac = mac}}},
      container));
  return mac;
}

// libcni and kubelet repeat a DEL with the result they remember; by then the path of the namespace may be
// another container's.
TEST_F(Attach, ARepeatedDelDoesNotTouchALaterContainerAtTheSamePath) {
  const Result<Attached> first = attach(context(), driver_, source_);
  ASSERT_TRUE(first);
  const MacAddress known = first->names.container_mac;
  ASSERT_TRUE(detach(context(), source_, known));
  container_ = host_.add_namespace();
  FakeSource second;
  const Result<Attached> later = attach(context("later"), driver_, second);
  ASSERT_TRUE(later);
  std::string before = host_.dump();
  EXPECT_TRUE(detach(context(), source_, known));
  EXPECT_EQ(host_.dump(), before);
  // Not even one that was given the same MAC.
  EXPECT_TRUE(detach(context(), source_, later->names.container_mac));
  EXPECT_EQ(host_.dump(), before);

  container_ = host_.add_namespace();
  foreign_pair(host_, container_, "veth0");
  before = host_.dump();
  EXPECT_TRUE(detach(context(), source_, known));
  EXPECT_EQ(host_.dump(), before) << "the link of a container that another program attached";
}

TEST_F(Attach, DelRemovesWhatAnotherProgramAttached) {
  warm_up();
  const std::string before = host_.dump();
  for (const bool is_told : {true, false}) {
    std::optional<MacAddress> known = foreign_pair(host_, container_, "veth0");
    if (!is_told) known.reset();
    EXPECT_TRUE(detach(context(), source_, known));
    EXPECT_EQ(host_.dump(), before) << is_told;
  }
}

TEST_F(Attach, DelFindsTheHostEndUnderAnotherName) {
  warm_up();
  const std::string before = host_.dump();
  const std::string host_end = context().identity.host_link().str();
  ASSERT_TRUE(attach(context(), driver_, source_));
  host_.rename(FakeHost::kHostNs, host_end, "uplink7");
  // The namespace at that path is another one by now: what is there is not known to be ours.
  const FakeHost::Ns mine = std::exchange(container_, host_.add_namespace());
  const Record recorded = record();
  EXPECT_TRUE(detach(context(), source_));
  EXPECT_NE(host_.at(FakeHost::kHostNs).find("uplink7"), nullptr);
  host_.remove_namespace(std::exchange(container_, mine));
  source_.held = true;
  save(recorded);
  EXPECT_TRUE(detach(context(), source_));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(has_record());

  // A link without our alias, or with another's, is not what was renamed.
  for (const char* alias : {"", "fairlead net/c2/eth0"}) {
    ASSERT_TRUE(attach(context(), driver_, source_));
    host_.rename(FakeHost::kHostNs, host_end, "uplink7");
    host_.at(FakeHost::kHostNs).find("uplink7")->state.alias = alias;
    EXPECT_TRUE(detach(context(), source_));
    EXPECT_NE(host_.at(FakeHost::kHostNs).find("uplink7"), nullptr) << alias;
    host_.delete_link(FakeHost::kHostNs, "uplink7");
    EXPECT_EQ(host_.dump(), before) << alias;
  }
}

}  // namespace
}  // namespace fairlead::engine
