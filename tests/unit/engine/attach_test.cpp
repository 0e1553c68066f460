// ADD on a model of the host, with every operation failing once.
#include "fairlead/deadline.hpp"
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

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

// Until its carrier is noticed a bridge drops what the host itself sends.
TEST_F(Attach, WaitsForTheBridgeThatHadNoPort) {
  const auto host_end = [this](const char* container) {
    return context(container).identity.host_link().str();
  };
  ASSERT_TRUE(attach(context(), driver_, source_));
  EXPECT_EQ(host_.awaited(), (std::vector<std::string>{host_end("c1"), "cni0"}));
  FakeSource second{};
  second.last = "4";
  container_ = host_.add_namespace();
  ASSERT_TRUE(attach(context("c2"), driver_, second));
  EXPECT_EQ(host_.awaited(), (std::vector<std::string>{host_end("c1"), "cni0", host_end("c2")}));
}

TEST_F(Attach, DoesNotWaitForASpanningTree) {
  warm_up();
  host_.at(FakeHost::kHostNs).find("cni0")->state.stp = true;
  const std::size_t before = host_.awaited().size();
  ASSERT_TRUE(attach(context(), driver_, source_));
  EXPECT_EQ(host_.awaited().size(), before + 1) << "the port";
}

// As in a container with a read-only /proc/sys whose values are those that matter.
TEST_F(Attach, ASettingThatIsACourtesyIsNoReasonToFail) {
  warm_up();
  host_.at(container_).read_only = true;
  const Result<Attached> attached = attach(context(), driver_, source_);
  EXPECT_TRUE(attached) << attached.error().to_string();
  driver_.config.enable_dad = true;  // needs enhanced_dad and accept_dad, which are right by default
  const FakeHost::Ns second = host_.add_namespace();
  host_.at(second).sysctls["net/ipv6/conf/default/accept_dad"] = "0";
  host_.at(second).read_only = true;
  container_ = second;
  FakeSource source{};
  source.last = "4";
  EXPECT_FALSE(attach(context("c2"), driver_, source)) << "this one is none";
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

TEST_F(Attach, WaitsForDuplicateAddressDetectionWhereThatIsAskedFor) {
  warm_up();
  const std::string before = host_.dump();
  driver_.config.enable_dad = true;
  host_.occupy(*IpAddress::parse("2001:db8::3"));
  const auto refused = attach(context(), driver_, source_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kBusy);
  EXPECT_NE(refused.error().to_string().find("address of eth0 in the container: 2001:db8::3/64"),
            std::string::npos)
      << refused.error().to_string();
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(has_record());
  EXPECT_FALSE(source_.held);

  source_.last = "4";
  ASSERT_TRUE(attach(context(), driver_, source_));
  FakeKernel kernel(host_, container_);
  const LinkIndex eth0 = (*kernel.find_link(Side::kContainer, *LinkName::parse("eth0")))->index;
  for (const AddressState& is : *kernel.addresses(Side::kContainer, eth0)) EXPECT_FALSE(is.tentative);
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

TEST_F(Attach, WhatTheRollbackOfAFailedPlanLeftBehindStaysInTheRecordForDel) {
  warm_up();
  const std::string before = host_.dump();
  prepare_ = [](FakeKernel& kernel) { kernel.fail_from(3, Fault::kRefused); };
  const auto attached = attach(context(), driver_, source_);
  prepare_ = nullptr;
  ASSERT_FALSE(attached);
  EXPECT_FALSE(attached.error().secondary.empty());
  EXPECT_NE(host_.dump(), before) << "the link is still there";
  EXPECT_TRUE(has_record());
  EXPECT_TRUE(source_.held) << "the address of a link that is still there was given back";
  ASSERT_TRUE(detach(context(), source_));
  EXPECT_EQ(host_.dump(), before);
  EXPECT_FALSE(has_record());
  EXPECT_FALSE(source_.held);
}

/// Attaches with a deadline that passes at the n-th query, and counts the queries.
Result<Attached> attach_late(AttachmentContext late, const Driver& driver, AddressSource& source,
                             std::size_t nth, std::size_t& queries) {
  queries = 0;
  const KernelFactory open = late.open_kernel;
  late.open_kernel = [&](const std::string& path) -> Result<OpenedKernel> {
    FAIRLEAD_TRY(OpenedKernel opened, open(path));
    static_cast<FakeKernel&>(*opened.kernel).on_query([&] {
      if (queries++ != nth) return;
      EXPECT_TRUE(Deadline::after(std::chrono::milliseconds(0)).arm());
      while (!Deadline::passed()) {
      }
    });
    return opened;
  };
  auto attached = attach(late, driver, source);
  Deadline::disarm();
  return attached;
}

TEST_F(Attach, PastTheDeadlineNothingIsBegun) {
  warm_up();
  const std::string before = host_.dump();
  std::size_t queries = 1;
  for (std::size_t nth = 0; nth < queries; ++nth) {
    FakeSource source;
    const auto attached = attach_late(context(), driver_, source, nth, queries);
    ASSERT_FALSE(attached) << "query " << nth;
    EXPECT_EQ(attached.error().code, Errc::kTimeout) << attached.error().to_string();
    EXPECT_TRUE(attached.error().secondary.empty()) << attached.error().to_string();
    EXPECT_EQ(host_.dump(), before) << "query " << nth;
    EXPECT_FALSE(source.held) << nth;
    EXPECT_FALSE(has_record()) << nth;
  }
  EXPECT_GT(queries, 5U);
}

// The kernel may hold a request up for as long as it likes.
TEST_F(Attach, ADeadlineThatPassedDuringTheLastChangeIsMissed) {
  const FakeHost fresh = host_;
  std::size_t queries = 0;
  ASSERT_TRUE(attach_late(context(), driver_, source_, SIZE_MAX, queries));
  ASSERT_TRUE(detach(context(), source_));
  host_ = fresh;
  // The last query asks about the bridge that was made, for the report.
  const auto attached = attach_late(context(), driver_, source_, queries - 1, queries);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code, Errc::kTimeout) << attached.error().to_string();
  EXPECT_EQ(host_.dump().find(context().identity.host_link().str()), std::string::npos) << host_.dump();
  EXPECT_FALSE(source_.held);
  EXPECT_FALSE(has_record());
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

TEST_F(Attach, TheRemainsOfACrashAreUndoneThoughTheConfigurationIsAnother) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  Record crashed = record();
  crashed.sections[0].phase = Phase::kIntent;
  crashed.sections[0].key = "bridge:0";
  save(crashed);
  const Result<Attached> attached = attach(context(), driver_, source_);
  ASSERT_TRUE(attached) << attached.error().to_string();
  EXPECT_EQ(record().sections.size(), 1U);
  EXPECT_EQ(record().sections[0].key, "bridge:1");
}

// Even where its interface is gone: what is left of it is DEL's to remove, and the lease is not the second's.
TEST_F(Attach, AnAddWithAnotherConfigurationLeavesTheAttachmentAlone) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  const std::string before = host_.dump();
  const Record recorded = record();
  AttachmentContext second = context("c1", "/run/netns/another");
  second.section_key = "bridge:2";
  const FakeHost::Ns first = container_;
  container_ = host_.add_namespace();
  const Result<Attached> attached = attach(second, driver_, source_);
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().protocol_code, 101);
  EXPECT_TRUE(source_.held) << "the lease of the one that lives";
  EXPECT_EQ(record().header, recorded.header);
  EXPECT_EQ(record().sections, recorded.sections);
  container_ = first;
  ASSERT_TRUE(detach(context(), source_));
  EXPECT_NE(host_.dump(), before);
  EXPECT_FALSE(has_record());
}

TEST_F(Attach, SectionsOfAnotherBootGoAndSoDoTheirLeases) {
  const FakeHost fresh = host_;
  for (const char* key : {"bridge:1", "bridge:0", ""}) {
    host_ = fresh;
    ASSERT_TRUE(attach(context(), driver_, source_));
    Record old = record();
    old.header.boot_id = "another";
    old.sections[0].key = key;
    if (*key == '\0') old.sections.clear();  // the section of whoever had the lease is lost
    old.sections.push_back({.key = "portmap:1", .plugin = "portmap", .phase = Phase::kDone});
    save(old);
    host_ = fresh;
    const Result<Attached> attached = attach(context(), driver_, source_);  // which must release first
    ASSERT_TRUE(attached) << key << ": " << attached.error().to_string();
    ASSERT_EQ(record().sections.size(), 1U) << key;
    EXPECT_EQ(record().sections[0].key, "bridge:1");
    ASSERT_TRUE(detach(context(), source_));
    EXPECT_FALSE(has_record());
  }
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
  ASSERT_TRUE(apply_plan(kernel, setup));
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
  const std::vector<AddressState> addresses = *kernel.addresses(Side::kHost, bridge.index);
  for (const AddressState& address : addresses) {
    if (address.address.address().is_link_local()) ++link_local;
  }
  EXPECT_EQ(link_local, 1U);
  // A second attachment, to which another random MAC would be offered, adds none.
  container_ = host_.add_namespace();
  FakeSource second;
  ASSERT_TRUE(attach(context("c2"), driver_, second));
  EXPECT_EQ(kernel.addresses(Side::kHost, bridge.index)->size(), 3U);
}

}  // namespace
}  // namespace fairlead::engine
