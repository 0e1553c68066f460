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

  std::set<std::string> before_;
  const std::set<std::string> wanted_{"10.1.2.1/24", "2001:db8::1/64"};
};

TEST_F(ForceAddress, AFailedAddGivesTheBridgeItsAddressesBack) {
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
  EXPECT_GT(nth, 12U);
  EXPECT_EQ(bridge_addresses(), wanted_);
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
