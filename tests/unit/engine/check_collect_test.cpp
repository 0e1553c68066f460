// CHECK and GC on a model of the host.
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

TEST_F(Attach, CheckPassesAfterAddAndNamesEachSabotage) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const KnownAttachment known{};
  ASSERT_TRUE(check(context(), driver_, source_, known))
      << check(context(), driver_, source_, known).error().to_string();

  const LinkName eth0 = *LinkName::parse("eth0");
  const LinkName cni0 = *LinkName::parse("cni0");
  const LinkName veth = context().identity.host_link();
  const auto masq =
      bridge_desired(driver_.config, names_of(context().identity, {}), record().sections[0].addresses)
          .own.back();
  const nft::Element element = std::get<WantElements>(masq.item).elements[0];
  const std::vector<std::pair<Op, std::string>> sabotages{
      {{.side = Side::kContainer, .action = RemoveAddress{eth0, *IfaceAddress::parse("10.1.2.3/24")}},
       "10.1.2.3/24"},
      {{.side = Side::kContainer, .action = ChangeLink{{.name = eth0, .kind = ExistingLink{}, .up = false}}},
       "down"},
      {{.side = Side::kContainer,
        .action =
            ChangeLink{
                {.name = eth0, .kind = ExistingLink{}, .mac = *MacAddress::parse("02:00:00:00:00:09")}}},
       "mac is 02:00:00:00:00:09"},
      {{.side = Side::kHost, .action = ChangeLink{{.name = veth, .kind = ExistingLink{}, .up = false}}},
       "down"},
      {{.side = Side::kHost, .action = RemoveAddress{cni0, *IfaceAddress::parse("10.1.2.1/24")}},
       "10.1.2.1/24"},
      {{.side = Side::kHost, .action = SetSysctl{"net/ipv4/ip_forward", "0", "1"}}, "ip_forward"},
      {{.side = Side::kHost, .action = RemoveElement{element}}, element.set.set},
      {{.side = Side::kHost, .action = DeleteLink{veth}}, veth.str()},
  };
  for (const auto& [op, named] : sabotages) {
    const FakeHost intact = host_;
    FakeKernel kernel(host_, container_);
    const Op ops[] = {op};
    ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone) << describe(op);
    const auto checked = check(context(), driver_, source_, known);
    ASSERT_FALSE(checked) << "not noticed: " << describe(op);
    EXPECT_NE(checked.error().to_string().find(named), std::string::npos)
        << describe(op) << " gave " << checked.error().to_string();
    host_ = intact;
  }
  const FakeHost intact = host_;
  host_.flush_rules();
  const auto checked = check(context(), driver_, source_, known);
  ASSERT_FALSE(checked) << "not noticed: nft flush table";
  EXPECT_NE(checked.error().to_string().find("ensure table inet fairlead"), std::string::npos);
  host_ = intact;
  source_.held = false;
  EXPECT_NE(check(context(), driver_, source_, known).error().to_string().find("lease"), std::string::npos);
}

TEST_F(Attach, CheckTakesTheMacThatAChainedPluginSet) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const MacAddress mac = *MacAddress::parse("02:00:00:00:00:09");
  FakeKernel kernel(host_, container_);
  const Op ops[] = {
      {.side = Side::kContainer,
       .action = ChangeLink{{.name = *LinkName::parse("eth0"), .kind = ExistingLink{}, .mac = mac}}}};
  ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  EXPECT_TRUE(check(context(), driver_, source_, {.mac = mac, .addresses = {}}));
}

TEST_F(Attach, CheckNoticesThatTheCallerWasToldOtherAddresses) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  KnownAttachment known{.mac = {}, .addresses = record().sections[0].addresses};
  known.addresses.addresses.push_back(
      {.address = *IfaceAddress::parse("192.0.2.1/24")});  // a chained plugin's
  EXPECT_TRUE(check(context(), driver_, source_, known));
  known.addresses.addresses[0].address = *IfaceAddress::parse("10.1.2.99/24");
  const auto checked = check(context(), driver_, source_, known);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().to_string().find("the address is 10.1.2.3/24"), std::string::npos);
  EXPECT_EQ(checked.error().protocol_code, 107);
}

TEST_F(Attach, CheckSaysThatTheHostEndIsMissing) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  FakeKernel kernel(host_, container_);
  const Op ops[] = {{.side = Side::kHost, .action = DeleteLink{context().identity.host_link()}}};
  ASSERT_EQ(kernel.apply(ops)[0].status, OpStatus::kDone);
  const auto checked = check(context(), driver_, source_, {});
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().to_string().find("is missing"), std::string::npos) << checked.error().to_string();
}

TEST_F(Attach, DetachGoesOnWhereTheRunDirectoryCannotBeWritten) {
  AttachmentContext elsewhere = context();
  elsewhere.run_dir = "/sys/fairlead";  // where nobody can make a directory
  EXPECT_TRUE(detach(elsewhere, source_));
  EXPECT_FALSE(attach(elsewhere, driver_, source_));
}

TEST_F(Attach, CheckWithoutARecordComparesWithWhatTheCallerKnows) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const AddressPlan addresses = record().sections[0].addresses;
  std::filesystem::remove_all(run_dir_ + "/attachments");
  EXPECT_TRUE(check(context(), driver_, source_, {.mac = {}, .addresses = addresses}));
  AddressPlan wrong = addresses;
  wrong.addresses[0].address = *IfaceAddress::parse("10.1.2.99/24");
  EXPECT_FALSE(check(context(), driver_, source_, {.mac = {}, .addresses = wrong}));
}

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
  for (const std::size_t length : {20U, 24U, 25U, 26U, 27U, 28U, 60U, 176U, 178U, 179U, 180U, 200U}) {
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
    // A network's name that is itself cut off says nothing any more.
    const bool whole = length < 94;
    EXPECT_EQ(host_.dump().find("element masq4") == std::string::npos, whole) << length;
  }
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
