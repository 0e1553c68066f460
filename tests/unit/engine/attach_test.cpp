// The engine's four verbs on a model of the host, with every operation failing once.
#include "engine/attach/attach.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "engine/attach/locks.hpp"
#include "engine/drivers/bridge.hpp"
#include "fairlead/file.hpp"
#include "tests/support/fake_kernel.hpp"

namespace fairlead::engine {
namespace {

using test::FakeHost;
using test::FakeKernel;
using test::Fault;

class FakeSource : public AddressSource {
 public:
  Result<AddressPlan> acquire() override {
    if (fail_acquire) return Unexpected(Errc::kExhausted, "no address is left");
    EXPECT_FALSE(held) << "an address was taken twice";
    held = true;
    return AddressPlan{.addresses = {{.address = *IfaceAddress::parse("10.1.2.3/24")},
                                     {.address = *IfaceAddress::parse("2001:db8::3/64")}},
                       .routes = {}};
  }
  Result<void> release() override {
    if (fail_release) return Unexpected(Errc::kIo, "the IPAM plugin failed");
    held = false;
    return {};
  }
  Result<void> check() override {
    if (!held) return Unexpected(Errc::kNotFound, "the lease is gone");
    return {};
  }
  bool held = false;
  bool fail_acquire = false;
  bool fail_release = false;
};

class TestDriver : public Driver {
 public:
  Result<AddressPlan> complete(AddressPlan plan) const override {
    return complete_bridge_addresses(config, std::move(plan));
  }
  DesiredState desired(const AttachmentNames& names, const AddressPlan& plan) const override {
    return bridge_desired(config, names, plan);
  }
  BridgeConfig config{
      .bridge = *LinkName::parse("cni0"), .is_gateway = true, .is_default_gateway = true, .ip_masq = true};
};

/// Keeps the questions that a FakeKernel was asked beyond its life.
class Watched : public Kernel {
 public:
  Watched(std::unique_ptr<Kernel> kernel, std::vector<std::string>& asked)
      : kernel_(std::move(kernel)), fake_(static_cast<FakeKernel&>(*kernel_)), asked_(asked) {}
  ~Watched() override { asked_.insert(asked_.end(), fake_.queries().begin(), fake_.queries().end()); }
  bool has_container() const override { return fake_.has_container(); }
  Result<std::uint64_t> namespace_cookie(Side side) override { return fake_.namespace_cookie(side); }
  Result<std::optional<LinkState>> find_link(Side side, const LinkName& name) override {
    return fake_.find_link(side, name);
  }
  Result<std::optional<LinkState>> find_link(Side side, LinkIndex index) override {
    return fake_.find_link(side, index);
  }
  Result<std::vector<LinkState>> links(Side side) override { return fake_.links(side); }
  Result<std::vector<AddressState>> addresses(Side side, LinkIndex link) override {
    return fake_.addresses(side, link);
  }
  Result<std::vector<RouteSpec>> routes(Side side, const RouteFilter& filter) override {
    return fake_.routes(side, filter);
  }
  Result<std::optional<std::string>> sysctl(Side side, const std::string& key) override {
    return fake_.sysctl(side, key);
  }
  Result<std::vector<bool>> has_elements(std::span<const nft::Element> elements) override {
    return fake_.has_elements(elements);
  }
  Result<std::vector<nft::Element>> elements(const nft::SetRef& set) override { return fake_.elements(set); }
  std::vector<OpOutcome> apply(std::span<const Op> ops) override { return fake_.apply(ops); }

 private:
  std::unique_ptr<Kernel> kernel_;
  FakeKernel& fake_;
  std::vector<std::string>& asked_;
};

class Attach : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "fairlead-attach-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    run_dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(run_dir_); }

  AttachmentContext context(const std::string& container = "c1", std::string netns = "/run/netns/c1") {
    return {.identity = *Identity::make("net", container, *LinkName::parse("eth0")),
            .netns_path = std::move(netns),
            .plugin = "bridge",
            .section_key = "bridge:1",
            .mac = {},
            .run_dir = run_dir_,
            .open_kernel = factory(),
            .log = &log_};
  }

  KernelFactory factory() {
    return [this](const std::string& path) -> Result<OpenedKernel> {
      if (path == "/gone") return Unexpected(Errc::kNotFound, "open namespace /gone: ENOENT");
      auto kernel = path.empty() ? std::make_unique<FakeKernel>(host_)
                                 : std::make_unique<FakeKernel>(host_, container_);
      if (prepare_) prepare_(*kernel);
      return OpenedKernel{.container = nullptr, .kernel = std::move(kernel)};
    };
  }

  /// The host with its bridge and tables, as after an earlier attachment.
  void warm_up() {
    FakeSource source;
    ASSERT_TRUE(attach(context("earlier"), driver_, source));
    ASSERT_TRUE(detach(context("earlier"), source));
  }

  std::string file_of(const std::string& container) {
    return run_dir_ + "/attachments/net/" + context(container).identity.key_hex();
  }
  bool has_record() { return std::filesystem::exists(file_of("c1")); }
  Record record() { return **RecordStore(run_dir_).load(context().identity); }
  void save(const Record& changed) { ASSERT_TRUE(RecordStore(run_dir_).save(context().identity, changed)); }

  Logger log_;
  FakeHost host_;
  FakeHost::Ns container_ = host_.add_namespace();
  std::function<void(FakeKernel&)> prepare_;
  TestDriver driver_;
  FakeSource source_;
  std::string run_dir_;
};

TEST_F(Attach, AddThenDelLeavesTheHostAsItWas) {
  warm_up();
  const std::string before = host_.dump();
  const Result<Attached> attached = attach(context(), driver_, source_);
  ASSERT_TRUE(attached) << attached.error().to_string();
  ASSERT_EQ(attached->host_links.size(), 2U);
  EXPECT_EQ(attached->host_links[0].name, "cni0");
  EXPECT_EQ(attached->host_links[1].name, context().identity.host_link().str());
  EXPECT_NE(host_.dump(), before);
  EXPECT_EQ(record().sections[0].phase, Phase::kDone);
  ASSERT_TRUE(detach(context(), source_));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(source_.held);
  EXPECT_FALSE(has_record());
}

TEST_F(Attach, EveryOperationThatFailsIsTakenBackWithAllBeforeIt) {
  warm_up();
  const std::string before = host_.dump();
  for (const Fault fault : {Fault::kRefused, Fault::kRefusedAmong, Fault::kAckLost}) {
    std::size_t nth = 0;
    for (;; ++nth) {
      prepare_ = [nth, fault](FakeKernel& kernel) { kernel.fail(nth, fault); };
      FakeSource source;
      const Result<Attached> attached = attach(context(), driver_, source);
      prepare_ = nullptr;
      if (attached) {
        ASSERT_TRUE(detach(context(), source));
        break;
      }
      EXPECT_EQ(host_.dump(), before) << "operation " << nth << ": " << attached.error().to_string();
      EXPECT_FALSE(source.held) << nth;
      EXPECT_FALSE(has_record()) << nth;
      EXPECT_NE(attached.error().what.find(": "), std::string::npos);
    }
    EXPECT_GT(nth, 8U) << "the plan is shorter than an attachment can be";
  }
}

TEST_F(Attach, EveryFailureOfTheFirstAttachmentOnAHostLeavesNothingOfItsOwn) {
  std::size_t nth = 0;
  for (;; ++nth) {
    FakeHost fresh;
    host_ = fresh;
    container_ = host_.add_namespace();
    prepare_ = [nth](FakeKernel& kernel) { kernel.fail(nth, Fault::kAckLost); };
    FakeSource source;
    const Result<Attached> attached = attach(context(), driver_, source);
    prepare_ = nullptr;
    if (attached) break;
    EXPECT_EQ(host_.dump().find(context().identity.host_link().str()), std::string::npos) << host_.dump();
    EXPECT_EQ(host_.dump().find("10.1.2.3"), std::string::npos) << host_.dump();
    EXPECT_FALSE(has_record());
    EXPECT_FALSE(source.held);
  }
  EXPECT_GT(nth, 12U);
}

TEST_F(Attach, EveryQueryThatFailsIsTakenBackToo) {
  warm_up();
  const std::string before = host_.dump();
  std::size_t nth = 0;
  for (;; ++nth) {
    prepare_ = [nth](FakeKernel& kernel) { kernel.fail_query(nth); };
    FakeSource source;
    const Result<Attached> attached = attach(context(), driver_, source);
    prepare_ = nullptr;
    if (attached) {
      ASSERT_TRUE(detach(context(), source));
      break;
    }
    EXPECT_EQ(host_.dump(), before) << "query " << nth;
    EXPECT_FALSE(source.held) << nth;
    EXPECT_FALSE(has_record()) << nth;
  }
  EXPECT_GT(nth, 5U);
}

TEST_F(Attach, AFailingIpamLeavesNothing) {
  warm_up();
  const std::string before = host_.dump();
  source_.fail_acquire = true;
  const auto attached = attach(context(), driver_, source_);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Errc::kExhausted);
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(has_record());
}

TEST_F(Attach, ATakenInterfaceNameIsRefusedAndTheOtherLinkStays) {
  warm_up();
  FakeSource other;
  ASSERT_TRUE(attach(context("other"), driver_, other));  // takes eth0 of the same namespace
  const std::string before = host_.dump();
  const auto attached = attach(context(), driver_, source_);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Errc::kExists) << attached.error().to_string();
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(source_.held);
}

TEST_F(Attach, ASecondAddIsRefusedWithItsOwnCodeAndChangesNothing) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string before = host_.dump();
  FakeSource second;
  const auto again = attach(context(), driver_, second);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().protocol_code, 101);
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(second.held);
}

TEST_F(Attach, TheRemainsOfACrashAreUndoneByTheNextAdd) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  Record crashed = record();
  crashed.sections[0].phase = Phase::kIntent;
  save(crashed);
  ASSERT_TRUE(attach(context(), driver_, source_));
  EXPECT_EQ(record().sections.size(), 1U);
  EXPECT_EQ(record().sections[0].phase, Phase::kDone);
}

TEST_F(Attach, ARecordOfAnotherBootHoldsOnlyALease) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  Record old = record();
  old.header.boot_id = "another";
  save(old);
  const std::string before = host_.dump();
  ASSERT_TRUE(detach(context(), source_));
  EXPECT_EQ(host_.dump(), before) << "links of this boot were touched for a record of another";
  EXPECT_FALSE(source_.held);
  EXPECT_FALSE(has_record());
}

TEST_F(Attach, ANewerRecordStopsAddButNotDel) {
  warm_up();
  const std::string before = host_.dump();
  ASSERT_TRUE(attach(context(), driver_, source_));
  Record newer = record();
  newer.header.version = kRecordVersion + 1;
  save(newer);
  FakeSource second;
  EXPECT_EQ(attach(context(), driver_, second).error().code, Errc::kUnsupported);
  ASSERT_TRUE(detach(context(), source_));
  EXPECT_EQ(host_.dump(), before);
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

TEST_F(Attach, AddAndDelAskTheSameHoweverManyAttachmentsThereAre) {
  const auto questions = [this] {
    std::vector<std::string> asked;
    KernelFactory open = factory();
    AttachmentContext watched = context();
    watched.open_kernel = [&](const std::string& path) -> Result<OpenedKernel> {
      Result<OpenedKernel> opened = open(path);
      opened->kernel = std::make_unique<Watched>(std::move(opened->kernel), asked);
      return opened;
    };
    FakeSource source;
    EXPECT_TRUE(attach(watched, driver_, source));
    EXPECT_TRUE(detach(watched, source));
    return asked;
  };
  warm_up();
  const std::vector<std::string> alone = questions();
  for (int i = 0; i < 20; ++i) {
    const FakeHost::Ns mine = std::exchange(container_, host_.add_namespace());
    FakeSource source;
    ASSERT_TRUE(attach(context("neighbour" + std::to_string(i)), driver_, source));
    container_ = mine;
  }
  EXPECT_EQ(questions(), alone);
  for (const std::string& question : alone)
    EXPECT_EQ(question.find("dump links"), std::string::npos) << question;
}

TEST_F(Attach, AnAdvertisedDefaultRouteSurvivesTurningForwardingOn) {
  const LinkName uplink = *LinkName::parse("uplink");
  const LinkName quiet = *LinkName::parse("quiet");
  FakeKernel kernel(host_);
  Plan setup;
  for (const LinkName& link : {uplink, quiet}) {
    setup.push_back(
        {.side = Side::kHost, .action = CreateLink{{.name = link, .kind = BridgeLink{}, .up = true}}});
  }
  setup.push_back(
      {.side = Side::kHost,
       .action = AddRoute{
           {.destination = IpNetwork::any(IpFamily::kV6), .hops = {{.link = uplink}}, .protocol = 9}}});
  ASSERT_TRUE(fairlead::apply(kernel, setup));
  const auto accept_ra = [&](const char* link) {
    return *kernel.sysctl(Side::kHost, std::string("net/ipv6/conf/") + link + "/accept_ra");
  };
  ASSERT_EQ(accept_ra("uplink"), "1");
  ASSERT_TRUE(attach(context(), driver_, source_));
  EXPECT_EQ(*kernel.sysctl(Side::kHost, "net/ipv6/conf/all/forwarding"), "1");
  EXPECT_EQ(accept_ra("uplink"), "2");
  EXPECT_EQ(accept_ra("quiet"), "1");
  EXPECT_EQ(accept_ra("cni0"), "0");
}

TEST_F(Attach, ANewBridgeHasALinkLocalAddressWithoutDuplicateAddressDetection) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  FakeKernel kernel(host_);
  const LinkState bridge = **kernel.find_link(Side::kHost, driver_.config.bridge);
  std::size_t link_local = 0;
  for (const AddressState& address : *kernel.addresses(Side::kHost, bridge.index)) {
    if (address.address.address().is_link_local()) ++link_local;
  }
  EXPECT_EQ(link_local, 1U);
  // A second attachment, to which another random MAC would be offered, adds none.
  container_ = host_.add_namespace();
  FakeSource second;
  ASSERT_TRUE(attach(context("c2"), driver_, second));
  EXPECT_EQ(kernel.addresses(Side::kHost, bridge.index)->size(), 3U);
}

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
  ASSERT_TRUE(attach(context("drop"), driver_, second));
  const CollectContext collecting{
      .network = "net", .plugin = "bridge", .run_dir = run_dir_, .open_kernel = factory(), .log = &log_};
  ASSERT_TRUE(collect(collecting, {{"keep", "eth0"}}));
  EXPECT_EQ(host_.dump(), base);
  EXPECT_TRUE(std::filesystem::exists(file_of("keep")));
  EXPECT_FALSE(std::filesystem::exists(file_of("drop")));
  container_ = kept;
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
