// What the tests of attach, detach, check and collect share: a model host, a driver, a source of addresses.
#pragma once

#include "engine/attach/attach.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "engine/attach/locks.hpp"
#include "engine/drivers/bridge.hpp"
#include "fairlead/file.hpp"
#include "tests/support/fake_kernel.hpp"

namespace fairlead::engine {
using test::FakeHost;
using test::FakeKernel;
using test::Fault;

class FakeSource : public AddressSource {
 public:
  Result<AddressPlan> acquire(int /*lock_fd*/) override {
    if (fail_acquire) return Unexpected(Errc::kExhausted, "no address is left");
    EXPECT_FALSE(held) << "an address was taken twice";
    held = true;
    return AddressPlan{.addresses = {{.address = *IfaceAddress::parse("10.1.2." + last + "/24")},
                                     {.address = *IfaceAddress::parse("2001:db8::" + last + "/64")}},
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
  std::string last = "3";  ///< the end of the addresses that it hands out
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
  Result<void> await_addresses(Side side, LinkIndex link, std::span<const IfaceAddress> addresses) override {
    return fake_.await_addresses(side, link, addresses);
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
  Result<std::vector<bool>> has_tables(std::span<const nft::TableSpec> tables) override {
    return fake_.has_tables(tables);
  }
  Result<std::vector<nft::Element>> elements(const nft::SetRef& set) override { return fake_.elements(set); }
  Result<bool> has_legacy_chain(IpFamily family, const std::string& table,
                                const std::string& chain) override {
    return fake_.has_legacy_chain(family, table, chain);
  }
  std::vector<OpOutcome> apply(std::span<const Op> ops) override { return fake_.apply(ops); }

 private:
  std::unique_ptr<Kernel> kernel_;
  FakeKernel& fake_;
  std::vector<std::string>& asked_;
};

/// Whether GC leaves nothing undone.
inline ::testing::AssertionResult collects(const CollectContext& context,
                                           const std::set<AttachmentName>& valid) {
  const Result<Collected> collected = collect(context, valid);
  if (!collected) return ::testing::AssertionFailure() << collected.error().to_string();
  if (collected->failure) return ::testing::AssertionFailure() << collected->failure->to_string();
  return ::testing::AssertionSuccess();
}

class Attach : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "fairlead-attach-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    run_dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(run_dir_); }

  AttachmentContext context(const std::string& container = "c1", std::string netns = "/run/netns/c1") {
    return {.identity = *Identity::make(network_, container, *LinkName::parse("eth0")),
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
    return run_dir_ + "/attachments/" + network_ + "/" + context(container).identity.key_hex();
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
  std::string network_ = "net";
};

}  // namespace fairlead::engine
