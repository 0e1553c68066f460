// forceAddress: an ADD that replaces addresses of the bridge, and fails or dies.
#include "fairlead/digest.hpp"
#include "tests/unit/engine/attach_fixture.hpp"

namespace fairlead::engine {
namespace {

/// A source that looks at the bridge's lock when addresses are given back: a delegate might do so.
class WatchingSource : public FakeSource {
 public:
  explicit WatchingSource(std::function<bool()> is_locked) : is_locked_(std::move(is_locked)) {}
  Result<void> release() override {
    EXPECT_FALSE(is_locked_()) << "a delegate would run under the bridge's lock";
    return FakeSource::release();
  }

 private:
  std::function<bool()> is_locked_;
};

class ForceAddress : public Attach {
 protected:
  void SetUp() override {
    Attach::SetUp();
    driver_.config.force_address = true;
    ASSERT_FALSE(host_.create_link(FakeHost::kHostNs,
                                   {.name = driver_.config.bridge, .kind = BridgeLink{}, .up = true}, 0));
    // In the way: another network, the same network, the right address with another prefix length.
    for (const char* address : {"10.0.0.1/8", "10.1.2.9/24", "2001:db8::1/48"}) {
      ASSERT_FALSE(host_.add_address(FakeHost::kHostNs, "cni0", {.address = *IfaceAddress::parse(address)}));
    }
    before_ = bridge_addresses();
  }

  std::set<std::string> bridge_addresses() {
    std::set<std::string> texts;
    for (const AddressState& is : host_.at(FakeHost::kHostNs).find("cni0")->addresses) {
      if (!is.address.address().is_link_local()) texts.insert(is.address.to_string());
    }
    return texts;
  }
  bool bridge_is_locked() {
    const auto lock = RangeLock::try_take(run_dir_ + "/lock.bridge", lock_offset(sha256_of({"cni0"})));
    return !lock && lock.error().code == Errc::kBusy;
  }

  /// Whether the op makes the port of c1.
  bool makes_port(const Op& op) {
    const auto* made = std::get_if<CreateLink>(&op.action);
    return made != nullptr && made->spec.name == context().identity.host_link();
  }
  bool made_port(const FakeKernel& kernel) {
    const std::vector<Op>& ops = kernel.carried_out();
    return std::any_of(ops.begin(), ops.end(), [this](const Op& op) { return makes_port(op); });
  }
  /// How many ops an ADD of c1 would carry out before it has its port.
  std::size_t ops_before_port() {
    const FakeHost untouched = host_;
    std::size_t count = 0;
    prepare_ = [&](FakeKernel& kernel) {
      kernel.on_query([&] {
        const std::vector<Op>& ops = kernel.carried_out();
        const auto port =
            std::find_if(ops.begin(), ops.end(), [this](const Op& op) { return makes_port(op); });
        count = static_cast<std::size_t>(port - ops.begin());
      });
    };
    FakeSource source;
    EXPECT_TRUE(attach(context(), driver_, source));
    prepare_ = nullptr;
    std::filesystem::remove_all(run_dir_ + "/attachments");
    host_ = untouched;
    return count;
  }

  /// A port of the bridge, whosever it is.
  void plug(const std::string& name) {
    const LinkSpec port{.name = *LinkName::parse(name),
                        .kind = VethLink{.peer = {.name = *LinkName::parse("eth0")}},
                        .master = driver_.config.bridge,
                        .up = true};
    ASSERT_FALSE(host_.create_link(FakeHost::kHostNs, port, host_.add_namespace()));
  }

  std::set<std::string> before_;
  const std::set<std::string> wanted_{"10.1.2.1/24", "2001:db8::1/64"};
};

TEST_F(ForceAddress, AFailedAddGivesTheBridgeItsAddressesBack) {
  const std::size_t before_port = ops_before_port();
  std::size_t nth = 0;
  for (;; ++nth) {
    prepare_ = [nth](FakeKernel& kernel) { kernel.fail(nth, Fault::kAckLost); };
    WatchingSource source([this] { return bridge_is_locked(); });
    const Result<Attached> attached = attach(context(), driver_, source);
    prepare_ = nullptr;
    if (attached) break;
    EXPECT_EQ(bridge_addresses(), before_) << nth << ": " << attached.error().to_string();
    EXPECT_TRUE(attached.error().secondary.empty()) << nth << ": " << attached.error().to_string();
    EXPECT_FALSE(source.held) << nth;
    EXPECT_FALSE(has_record()) << nth;
  }
  EXPECT_GT(nth, before_port);
  EXPECT_EQ(bridge_addresses(), wanted_);
}

TEST_F(ForceAddress, APortFromBeforeDoesNotKeepTheNewAddress) {
  plug("veth1");
  const std::size_t before_port = ops_before_port();
  std::size_t nth = 0;
  for (bool failed = true; failed; ++nth) {
    prepare_ = [nth](FakeKernel& kernel) { kernel.fail(nth, Fault::kRefused); };
    const Result<Attached> attached = attach(context(), driver_, source_);
    failed = !attached;
    if (failed) {
      EXPECT_EQ(bridge_addresses(), before_) << nth << ": " << attached.error().to_string();
    }
  }
  EXPECT_GT(nth, before_port);
}

// It is of a network without forceAddress and finds the new address in place, so it takes no lock.
TEST_F(ForceAddress, AFailedAddKeepsTheGatewayOfAnotherThatCameInBetween) {
  // To a bridge that is not ours every ADD gives the MAC that it has, under the lock.
  host_.at(FakeHost::kHostNs).find("cni0")->state.alias = kBridgeAlias;
  FakeSource second;
  second.last = "4";
  TestDriver unforced;
  unforced.config = driver_.config;
  unforced.config.force_address = false;
  bool came = false;
  prepare_ = [&](FakeKernel& kernel) {
    kernel.on_query([&] {
      if (came || !made_port(kernel)) return;
      came = true;
      container_ = host_.add_namespace();
      EXPECT_TRUE(attach(context("c2"), unforced, second));
      kernel.fail_query(0);
    });
  };
  const Result<Attached> attached = attach(context(), driver_, source_);
  ASSERT_FALSE(attached);
  EXPECT_TRUE(attached.error().secondary.empty()) << attached.error().to_string();
  EXPECT_FALSE(source_.held || has_record());
  ASSERT_TRUE(came);
  const Result<void> checked = check(context("c2"), unforced, second, {});
  EXPECT_TRUE(checked) << checked.error().to_string();
  const std::set<std::string> now = bridge_addresses();
  EXPECT_TRUE(now.contains("10.0.0.1/8") && now.contains("10.1.2.9/24"));
}

// The port of such a one may appear at any moment.
TEST_F(ForceAddress, AFailedAddLeavesTheNewAddressToWhoAttachedInTheMeantime) {
  const std::size_t before_port = ops_before_port();
  const FakeHost untouched = host_;
  std::size_t kept = 0;
  std::size_t nth = 0;
  for (bool failed = true; failed; ++nth) {
    host_ = untouched;
    std::set<std::string> used;
    prepare_ = [&](FakeKernel& kernel) {
      kernel.fail(nth, Fault::kAckLost);
      kernel.on_query([&] {
        const std::set<std::string> now = bridge_addresses();
        std::set<std::string> there;
        std::set_intersection(now.begin(), now.end(), wanted_.begin(), wanted_.end(),
                              std::inserter(there, there.end()));
        if (there.empty() || !used.empty()) return;
        plug("veth1");
        used = there;
      });
    };
    const Result<Attached> attached = attach(context(), driver_, source_);
    failed = !attached;
    if (!failed) break;
    const std::set<std::string> now = bridge_addresses();
    EXPECT_TRUE(std::includes(now.begin(), now.end(), used.begin(), used.end())) << nth;
    EXPECT_TRUE(now.contains("10.0.0.1/8") && now.contains("10.1.2.9/24")) << nth;
    if (used.empty()) {
      EXPECT_EQ(now, before_) << nth;
    }
    EXPECT_TRUE(attached.error().secondary.empty()) << nth << ": " << attached.error().to_string();
    EXPECT_FALSE(source_.held || has_record()) << nth;
    if (!used.empty()) ++kept;
  }
  EXPECT_GE(kept, nth - before_port);
}

TEST_F(ForceAddress, WhereNobodyCanSayWhoUsesTheNewAddressItIsLeftToDel) {
  const std::size_t before_port = ops_before_port();
  std::size_t asked = 0;
  prepare_ = [&](FakeKernel& kernel) {
    kernel.fail(before_port, Fault::kRefused);
    kernel.on_query([&] {
      // The first look at the ports is before the replacement.
      if (kernel.queries().back().starts_with("dump links") && ++asked == 2) kernel.fail_query(0);
    });
  };
  const Result<Attached> attached = attach(context(), driver_, source_);
  prepare_ = nullptr;
  ASSERT_FALSE(attached);
  EXPECT_EQ(asked, 2U);
  EXPECT_EQ(attached.error().secondary.size(), 1U);
  EXPECT_EQ(bridge_addresses(), wanted_);
  EXPECT_TRUE(source_.held);
  EXPECT_TRUE(detach(context(), source_));
  EXPECT_EQ(bridge_addresses(), before_);
  EXPECT_FALSE(source_.held || has_record());
}

TEST_F(ForceAddress, AnAddThatReplacesNothingDoesNotAskForPorts) {
  ASSERT_TRUE(attach(context(), driver_, source_));
  container_ = host_.add_namespace();
  FakeSource second;
  second.last = "4";
  std::size_t dumps = 0;
  prepare_ = [&](FakeKernel& kernel) {
    kernel.on_query([&] { dumps += kernel.queries().back().starts_with("dump links") ? 1 : 0; });
  };
  ASSERT_TRUE(attach(context("c2"), driver_, second));
  ASSERT_FALSE(host_.remove_address(FakeHost::kHostNs, "cni0", *IfaceAddress::parse("10.1.2.1/24")));
  container_ = host_.add_namespace();
  FakeSource third;
  third.last = "5";
  ASSERT_TRUE(attach(context("c3"), driver_, third));
  EXPECT_EQ(dumps, 0U);
}

// Else a rollback that looks for ports before this one has its own would take the gateway from under it.
TEST_F(ForceAddress, WhoFindsTheNewAddressInPlaceHoldsTheLockUntilItHasItsPort) {
  // Of a bridge that is not ours the MAC is pinned each time, so there would be something to do.
  host_.at(FakeHost::kHostNs).find("cni0")->state.alias = kBridgeAlias;
  ASSERT_TRUE(attach(context(), driver_, source_));
  container_ = host_.add_namespace();
  driver_.config.enable_dad = true;  // which nobody else has to wait for
  FakeSource second;
  second.last = "4";
  const std::string port = context("c2").identity.host_link().str();
  std::size_t without_port = 0;
  std::size_t with_port = 0;
  prepare_ = [&](FakeKernel& kernel) {
    kernel.on_query([&] {
      if (host_.at(FakeHost::kHostNs).find(port) != nullptr) {
        ++with_port;
        EXPECT_FALSE(bridge_is_locked()) << kernel.queries().back();
      } else if (kernel.queries().back().starts_with("addresses host")) {
        ++without_port;
        EXPECT_TRUE(bridge_is_locked());
      }
    });
  };
  ASSERT_TRUE(attach(context("c2"), driver_, second));
  EXPECT_EQ(without_port, 1U) << "one look under the lock is enough";
  EXPECT_GT(with_port, 0U);
}

TEST_F(ForceAddress, TheBridgeIsLockedUntilItIsCertain) {
  bool was_locked = false;
  prepare_ = [&](FakeKernel& kernel) {
    // The last question is for the report, when everything is done.
    kernel.on_query([&] { was_locked = bridge_is_locked(); });
  };
  ASSERT_TRUE(attach(context(), driver_, source_));
  EXPECT_TRUE(was_locked);
  EXPECT_FALSE(bridge_is_locked());

  // A bridge that is only missing something is not.
  ASSERT_FALSE(host_.change_link(FakeHost::kHostNs,
                                 {.name = driver_.config.bridge, .kind = ExistingLink{}, .up = false}));
  container_ = host_.add_namespace();
  FakeSource second;
  second.last = "4";
  ASSERT_TRUE(attach(context("c2"), driver_, second));
  EXPECT_FALSE(was_locked);
}

TEST_F(ForceAddress, WhatAnInterruptedAddReplacedComesBackWithDel) {
  const FakeHost untouched = host_;
  std::optional<std::string> text;  // of the record before it is done
  prepare_ = [&](FakeKernel& kernel) { kernel.on_query([&] { text = *read_file(file_of("c1")); }); };
  ASSERT_TRUE(attach(context(), driver_, source_));
  prepare_ = nullptr;
  const FakeHost replaced = host_;
  const auto detached = [&](const FakeHost& host) {
    host_ = host;
    EXPECT_TRUE(replace_file(file_of("c1"), *text, 0600));
    EXPECT_EQ(record().sections[0].phase, Phase::kIntent);
    return detach(context(), source_);
  };
  for (const FakeHost& host : {replaced, untouched}) {  // killed behind the change, before it
    const auto done = detached(host);
    EXPECT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(bridge_addresses(), before_);
    EXPECT_FALSE(has_record());
  }
  // Whoever came in between has the new ones for gateways.
  host_ = replaced;
  container_ = host_.add_namespace();
  FakeSource second;
  second.last = "4";
  ASSERT_TRUE(attach(context("c2"), driver_, second));
  const auto done = detached(FakeHost(host_));
  EXPECT_TRUE(done) << done.error().to_string();
  const std::set<std::string> both = bridge_addresses();
  EXPECT_TRUE(std::includes(both.begin(), both.end(), wanted_.begin(), wanted_.end()));
  EXPECT_TRUE(both.contains("10.0.0.1/8"));
  EXPECT_TRUE(both.contains("10.1.2.9/24"));
}

}  // namespace
}  // namespace fairlead::engine
