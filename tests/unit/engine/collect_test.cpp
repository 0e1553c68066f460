// GC: what it tells the IPAM plugin's, and what it does where it cannot do its work.
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

// The IPAM plugin collects after us: whoever has an address must not be garbage to it.
TEST_F(Attach, CollectTellsWhoseAddressesAreTakenAllTheSame) {
  const CollectContext collecting{
      .network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
  const std::set<AttachmentName> c1{{"c1", "eth0"}};
  ASSERT_TRUE(attach(context(), driver_, source_));
  EXPECT_TRUE(collect(collecting, c1)->spared.empty()) << "it is valid anyhow";
  {
    const auto lock = lock_attachment(run_dir_, context().identity);
    const auto collected = collect(collecting, {});
    EXPECT_FALSE(collected->failure);
    EXPECT_EQ(collected->spared, c1) << "another call is working on it";
  }
  prepare_ = [](FakeKernel& kernel) { kernel.fail_from(0, Fault::kRefused); };
  auto failed = collect(collecting, {});
  EXPECT_TRUE(failed->failure);
  EXPECT_EQ(failed->spared, c1) << "its link could not be removed";

  std::filesystem::remove_all(run_dir_ + "/attachments");
  failed = collect(collecting, {});
  EXPECT_TRUE(failed->failure);
  EXPECT_EQ(failed->spared, c1) << "nor could that of one without a record";
  prepare_ = nullptr;
  {
    const auto lock = lock_attachment(run_dir_, context().identity);
    EXPECT_EQ(collect(collecting, {})->spared, c1) << "which another call is working on";
  }
  ASSERT_TRUE(replace_file(file_of("c1"), "{\n", 0600));
  prepare_ = [](FakeKernel& kernel) { kernel.fail_from(0, Fault::kRefused); };
  EXPECT_EQ(collect(collecting, {})->spared, c1) << "nor that of one whose record cannot be read";
  prepare_ = nullptr;
  const auto collected = collect(collecting, {});
  EXPECT_FALSE(collected->failure);
  EXPECT_TRUE(collected->spared.empty()) << "nothing is left of it";
}

TEST_F(Attach, CollectTellsWhoBeganWhileItWorked) {
  Record begun;
  begun.header = {.network = "net", .container_id = "c1", .ifname = "eth0"};
  begun.sections = {{.key = "bridge:1", .plugin = "bridge"}};
  prepare_ = [&](FakeKernel& kernel) { kernel.on_query([&] { save(begun); }); };
  const auto collected = collect(
      {.network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_},
      {});
  EXPECT_EQ(collected->spared, (std::set<AttachmentName>{{"c1", "eth0"}}));
}

// Its file was there, its first line was not; then it was through before GC had its lock.
TEST_F(Attach, CollectSparesWhoWasWritingTheFirstLineWhenItLooked) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string before = host_.dump();
  const std::string whole = **read_file(file_of("c1"));
  ASSERT_TRUE(replace_file(file_of("c1"), "", 0600));
  prepare_ = [&](FakeKernel& kernel) {
    kernel.on_query([&] { ASSERT_TRUE(replace_file(file_of("c1"), whole, 0600)); });
  };
  const auto collected = collect(
      {.network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_},
      {});
  EXPECT_FALSE(collected->failure);
  EXPECT_EQ(collected->spared, (std::set<AttachmentName>{{"c1", "eth0"}}));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_EQ(**read_file(file_of("c1")), whole);
}

// It was through before GC came to it, so its lock is free; the runtime had looked who is valid before that.
TEST_F(Attach, CollectSparesWhoWasAttachedSinceItWasFoundOutWhoIsValid) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string before = host_.dump();
  const FileTime written = *written_at(file_of("c1"));
  CollectContext collecting{.network = "net",
                            .plugin = "bridge",
                            .run_dir = run_dir_,
                            .open_kernel = factory(),
                            .log = &log_,
                            .judged_at = written};
  const std::string whole = **read_file(file_of("c1"));
  for (const std::string& text : {whole, std::string("{\n")}) {  // nor if the record cannot be read
    ASSERT_TRUE(replace_file(file_of("c1"), text, 0600));
    const auto collected = collect(collecting, {});
    EXPECT_FALSE(collected->failure);
    EXPECT_EQ(collected->spared, (std::set<AttachmentName>{{"c1", "eth0"}}));
    EXPECT_EQ(host_.dump(), before);
    EXPECT_EQ(**read_file(file_of("c1")), text);
  }
  collecting.judged_at = *written_at(file_of("c1")) + std::chrono::nanoseconds(1);
  EXPECT_TRUE(collects(collecting, {}));
  EXPECT_FALSE(has_record());
  EXPECT_NE(host_.dump(), before);
}

TEST_F(Attach, CollectUndoesEverySectionOfItsPlugin) {
  const std::string base = (warm_up(), host_.dump());
  ASSERT_TRUE(attach(context(), driver_, source_));
  Record chain = record();
  const LinkName second = *LinkName::parse("second");
  ASSERT_FALSE(host_.create_link(FakeHost::kHostNs, {.name = second, .kind = BridgeLink{}}, 0));
  chain.sections.insert(
      chain.sections.begin(),
      {.key = "bridge:2", .plugin = "bridge", .undo = {{.side = Side::kHost, .action = DeleteLink{second}}}});
  chain.sections.push_back({.key = "tuning:1", .plugin = "tuning", .phase = Phase::kDone});
  save(chain);
  ASSERT_TRUE(collects(
      {.network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_},
      {}));
  EXPECT_EQ(host_.dump(), base);
  const Record rest = record();
  ASSERT_EQ(rest.sections.size(), 1U);
  EXPECT_EQ(rest.sections[0].key, "tuning:1");
}

TEST_F(Attach, CollectFailsWhereItCannotLock) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  container_ = host_.add_namespace();
  source_.held = false;
  source_.last = "4";
  ASSERT_TRUE(attach(context("c2"), driver_, source_));
  // Where nobody can make a file, so there are no records, but links that carry their names.
  const auto collected = collect({.network = "net",
                                  .plugin = "bridge",
                                  .run_dir = "/sys/fairlead",
                                  .open_kernel = factory(),
                                  .log = &log_},
                                 {});
  ASSERT_TRUE(collected->failure);
  EXPECT_EQ(collected->failure->code, Errc::kDenied) << collected->failure->to_string();
  EXPECT_TRUE(collected->failure->secondary.empty())
      << "said more than once: " << collected->failure->to_string();
  EXPECT_EQ(collected->spared.size(), 2U);
}

}  // namespace
}  // namespace fairlead::engine
