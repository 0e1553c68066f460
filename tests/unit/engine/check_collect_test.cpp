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
  ASSERT_TRUE(collect(collecting, {{"keep", "eth0"}}));
  EXPECT_EQ(host_.dump(), base);
  EXPECT_TRUE(std::filesystem::exists(file_of("keep")));
  EXPECT_FALSE(std::filesystem::exists(file_of("drop")));
  container_ = kept;
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
  ASSERT_TRUE(collect(
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
  ASSERT_TRUE(collect(
      {.network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_},
      {}));
  EXPECT_EQ(host_.dump(), before);
}

TEST_F(Attach, CollectRemovesARecordThatWasNeverFinished) {
  ASSERT_TRUE(replace_file(file_of("c1") + ".tmp", "{\"half", 0600));
  const CollectContext collecting{
      .network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
  {
    const auto lock = lock_attachment(run_dir_, context().identity);
    ASSERT_TRUE(collect(collecting, {}));
    EXPECT_TRUE(std::filesystem::exists(file_of("c1") + ".tmp")) << "its writer is at work";
  }
  ASSERT_TRUE(collect(collecting, {}));
  EXPECT_FALSE(std::filesystem::exists(file_of("c1") + ".tmp"));
}

TEST_F(Attach, CollectLeavesOtherNetworksAndAttachmentsInUseAlone) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string before = host_.dump();
  const CollectContext other{
      .network = "ne", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
  ASSERT_TRUE(collect(other, {}));
  EXPECT_EQ(host_.dump(), before);
  const auto lock = lock_attachment(run_dir_, context().identity);
  ASSERT_TRUE(lock);
  CollectContext same = other;
  same.network = "net";
  ASSERT_TRUE(collect(same, {}));
  EXPECT_EQ(host_.dump(), before) << "an attachment that another call is working on was collected";
}

}  // namespace
}  // namespace fairlead::engine
