// GC on a model of the host; CHECK is in check_test.cpp.
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

/// Tells what a chained plugin did, or keeps it to itself.
TEST_F(Attach, DetachGoesOnWhereTheRunDirectoryCannotBeWritten) {
  AttachmentContext elsewhere = context();
  elsewhere.run_dir = "/sys/fairlead";  // where nobody can make a directory
  EXPECT_TRUE(detach(elsewhere, source_));
  const auto refused = attach(elsewhere, driver_, source_);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().remedy.find("FAIRLEAD_RUN_DIR"), std::string::npos);
}

// As the reference makes it: other names, no alias, no elements of ours.
TEST_F(Attach, CollectRemovesWhatIsNotValidAndKeepsTheRest) {
  ASSERT_TRUE(attach(context("keep"), driver_, source_));
  const FakeHost::Ns kept = container_;
  container_ = host_.add_namespace();
  const std::string base = host_.dump();
  FakeSource second;
  second.last = "4";
  ASSERT_TRUE(attach(context("drop"), driver_, second));
  const CollectContext collecting{
      .network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
  ASSERT_TRUE(collects(collecting, {{"keep", "eth0"}}));
  EXPECT_EQ(host_.dump(), base);
  EXPECT_TRUE(std::filesystem::exists(file_of("keep")));
  EXPECT_FALSE(std::filesystem::exists(file_of("drop")));
  container_ = kept;
}

TEST_F(Attach, CollectSparesElementsWhoseCommentIsCut) {
  // 33 + 27 + 1 + 64 + 1 = 126 bytes in front of "eth0": the set's comment ends within it.
  AttachmentContext long_names = context();
  long_names.identity = *Identity::make(std::string(27, 'n'), std::string(64, 'c'), *LinkName::parse("eth0"));
  ASSERT_TRUE(attach(long_names, driver_, source_));
  const std::string before = host_.dump();
  const CollectContext collected{.network = std::string(27, 'n'),
                                 .plugin = "bridge",
                                 .run_dir = run_dir_,
                                 .open_kernel = long_names.open_kernel,
                                 .log = long_names.log};
  ASSERT_TRUE(collects(collected, {{std::string(64, 'c'), "eth0"}}));
  EXPECT_EQ(host_.dump(), before);
  std::filesystem::remove_all(run_dir_ + "/attachments");
  ASSERT_TRUE(collects(collected, {{std::string(64, 'c'), "eth0"}}));
  EXPECT_EQ(host_.dump(), before);
  ASSERT_TRUE(collects(collected, {}));
  EXPECT_EQ(host_.dump().find("nnn"), std::string::npos) << host_.dump();
}

TEST_F(Attach, CollectRemovesARecordThatCannotBeReadAndWhatItStandsFor) {
  const std::string base = host_.dump();
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string file = run_dir_ + "/attachments/net/" + context().identity.key_hex();
  ASSERT_TRUE(replace_file(file, "{\n", 0600));
  const auto refused = attach(context(), driver_, source_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kIo);
  const CollectContext collected{.network = "net",
                                 .plugin = "bridge",
                                 .run_dir = run_dir_,
                                 .open_kernel = context().open_kernel,
                                 .log = context().log};
  ASSERT_TRUE(collects(collected, {{context().identity.container_id(), "eth0"}}));
  EXPECT_TRUE(std::filesystem::exists(file)) << "it is in use";
  ASSERT_TRUE(collects(collected, {}));
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(host_.dump().find(context().identity.host_link().str()), std::string::npos);
}

// Its run directory and its lease were lost, the next attachment got its address, then its DEL came.
TEST_F(Attach, TheElementsOfAnAttachmentThatDiedPassToTheOneThatHasItsAddress) {
  ASSERT_TRUE(attach(context("dead"), driver_, source_));
  std::filesystem::remove_all(run_dir_ + "/attachments");
  container_ = host_.add_namespace();
  FakeSource second;
  ASSERT_TRUE(attach(context("next"), driver_, second));
  FakeSource nothing;
  EXPECT_TRUE(detach(context("dead", ""), nothing));
  ASSERT_TRUE(collects(
      {.network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_},
      {{"next", "eth0"}}));
  EXPECT_TRUE(check(context("next"), driver_, second, {}));
  const std::string with_next = host_.dump();
  EXPECT_NE(with_next.find("net/next/eth0'"), std::string::npos);
  ASSERT_TRUE(detach(context("next"), second));
  EXPECT_EQ(host_.dump().find("element"), std::string::npos) << host_.dump();
}

TEST_F(Attach, CollectFindsLinksAndElementsWhoseRecordIsLost) {
  warm_up();
  const std::string before = host_.dump();
  ASSERT_TRUE(attach(context(), driver_, source_));
  std::filesystem::remove_all(run_dir_ + "/attachments");
  ASSERT_TRUE(collects(
      {.network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_},
      {}));
  EXPECT_EQ(host_.dump(), before);
}

// nftables cuts a comment at 127 bytes, the alias of a link ends at 255: a name that is cut off anywhere
// must not be taken for another attachment's, which is then neither valid nor recorded.
TEST_F(Attach, CollectTakesNoCutOffNameForAnotherAttachments) {
  const std::string id(64, 'c');
  for (const std::size_t length :
       {20U, 24U, 25U, 26U, 27U, 28U, 60U, 93U, 94U, 120U, 176U, 178U, 179U, 180U, 200U}) {
    host_ = FakeHost();
    container_ = host_.add_namespace();
    network_ = std::string(length, 'n');
    FakeSource source;
    ASSERT_TRUE(attach(context(id), driver_, source));
    const std::string before = host_.dump();
    const CollectContext collecting{
        .network = network_, .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
    ASSERT_TRUE(collects(collecting, {{id, "eth0"}}));
    EXPECT_EQ(host_.dump(), before) << "a live attachment lost something, name of " << length;
    std::filesystem::remove_all(run_dir_ + "/attachments");
    ASSERT_TRUE(collects(collecting, {{id, "eth0"}}));
    EXPECT_EQ(host_.dump(), before) << "without its record, name of " << length;
    ASSERT_TRUE(collects(collecting, {}));
    // Where the network's own name is cut off, the alias of the link says whose the key is.
    const bool is_known = length <= 176;
    EXPECT_EQ(host_.dump().find("element masq4") == std::string::npos, is_known) << length;
    host_.remove_namespace(container_);
    ASSERT_TRUE(collects(collecting, {}));
    EXPECT_EQ(host_.dump().find("element masq4"), std::string::npos) << "without its link, " << length;
  }
}

// The comment of an element has room for 94 bytes of the network's name: these two are the same to it.
TEST_F(Attach, CollectTakesNoElementOfANetworkWhoseNameBeginsAlike) {
  std::vector<std::string> lines;
  log_ = Logger([&](LogLevel, std::string_view id, std::string_view) { lines.emplace_back(id); });
  network_ = std::string(94, 'n') + "other";
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string link = context().identity.host_link().str();
  const auto is_left = [&] {
    const std::string before = host_.dump();
    lines.clear();
    EXPECT_TRUE(collects({.network = std::string(94, 'n') + "own",
                          .plugin = "bridge",
                          .run_dir = run_dir_,
                          .open_kernel = factory(),
                          .log = &log_},
                         {}));
    return host_.dump() == before;
  };
  EXPECT_TRUE(is_left());
  EXPECT_TRUE(lines.empty()) << "its record says whose it is";
  std::filesystem::remove_all(run_dir_ + "/attachments");
  EXPECT_TRUE(is_left());
  EXPECT_EQ(lines, std::vector<std::string>{"FL2010"});
  host_.rename(FakeHost::kHostNs, link, "uplink7");
  EXPECT_TRUE(is_left()) << "somebody renamed its host end";
  const auto links_fail = [](FakeKernel& kernel) {
    kernel.on_query([&kernel] {
      if (kernel.queries().back().starts_with("dump links")) kernel.fail_query(0);
    });
  };
  host_.remove_namespace(container_);
  prepare_ = links_fail;
  const std::string before = host_.dump();
  EXPECT_FALSE(collects({.network = std::string(94, 'n') + "own",
                         .plugin = "bridge",
                         .run_dir = run_dir_,
                         .open_kernel = factory(),
                         .log = &log_},
                        {}));
  EXPECT_EQ(host_.dump(), before) << "nobody knows which links there are";
  prepare_ = nullptr;
  EXPECT_FALSE(is_left()) << "nobody's";
  EXPECT_EQ(host_.dump().find("element masq4"), std::string::npos);
}

TEST_F(Attach, CollectRemovesARecordThatWasNeverFinished) {
  ASSERT_TRUE(replace_file(file_of("c1"), "{\"half", 0600));
  const CollectContext collecting{
      .network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
  {
    const auto lock = lock_attachment(run_dir_, context().identity);
    ASSERT_TRUE(collects(collecting, {}));
    EXPECT_TRUE(std::filesystem::exists(file_of("c1"))) << "its writer is at work";
  }
  ASSERT_TRUE(collects(collecting, {}));
  EXPECT_FALSE(std::filesystem::exists(file_of("c1")));
}

TEST_F(Attach, CollectLeavesOtherNetworksAndAttachmentsInUseAlone) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string before = host_.dump();
  const CollectContext other{
      .network = "ne", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
  ASSERT_TRUE(collects(other, {}));
  EXPECT_EQ(host_.dump(), before);
  const auto lock = lock_attachment(run_dir_, context().identity);
  ASSERT_TRUE(lock);
  CollectContext same = other;
  same.network = "net";
  ASSERT_TRUE(collects(same, {}));
  EXPECT_EQ(host_.dump(), before) << "an attachment that another call is working on was collected";
}

}  // namespace
}  // namespace fairlead::engine
