#include "bench/attach/candidate.hpp"

#include "bench/attach/host.hpp"

namespace fairlead::bench {
namespace {

class Plugin : public Candidate {
 public:
  Plugin(std::string directory, const NetworkOptions& network)
      : directory_(std::move(directory)), config_(configuration(network)) {}

  void set_up() override {}

  Sample add(const Attachment& attachment, Count count) override {
    Sample sample = measure(command("ADD", attachment, config_ + "}"), count);
    result_ = sample.output;
    return sample;
  }

  /// With the result of the ADD, as runtimes hand it back.
  Sample del(const Attachment& attachment, Count count) override {
    return measure(command("DEL", attachment, config_ + R"(,"prevResult":)" + result_ + "}"), count);
  }

 private:
  /// Without its last brace. 1.0.0 is the newest version that Debian's plugins speak.
  static std::string configuration(const NetworkOptions& network) {
    return R"({"cniVersion":"1.0.0","name":")" + network.name +
           R"(","type":"bridge","bridge":"br0","isDefaultGateway":true,"ipMasq":)" +
           (network.masquerade ? "true" : "false") +
           R"(,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.1.0.0/16"}]]})";
  }

  [[nodiscard]] Command command(const char* verb, const Attachment& attachment, std::string input) const {
    return {.argv = {directory_ + "/bridge"},
            .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "FAIRLEAD_CONF=/run/fairlead.conf",
                            "CNI_PATH=" + directory_, std::string("CNI_COMMAND=") + verb,
                            "CNI_CONTAINERID=" + attachment.container_id, "CNI_NETNS=" + attachment.netns,
                            "CNI_IFNAME=eth0"},
            .input = std::move(input)};
  }

  std::string directory_;
  std::string config_;
  std::string result_{};
};

class Floor : public Candidate {
 public:
  Floor(std::string file, std::string ruleset, const NetworkOptions& network)
      : file_(std::move(file)), ruleset_(std::move(ruleset)), network_(network) {}

  void set_up() override {
    prepare({"ip", "link", "add", "br0", "type", "bridge"});
    prepare({"ip", "address", "add", "10.1.0.1/16", "dev", "br0"});
    prepare({"ip", "link", "set", "br0", "up"});
    if (network_.masquerade) prepare({"nft", "-f", ruleset_});
  }

  Sample add(const Attachment& attachment, Count count) override {
    const int n = attachment.number;
    return measure(
        {.argv = {file_, network_.masquerade ? "add-masq" : "add", attachment.netns, host_link(n), "br0",
                  format("02:00:0a:01:%02x:%02x", n >> 8, n & 255), "1500", address(n), "16", "10.1.0.1",
                  "floor " + network_.name + "/" + attachment.container_id + "/eth0", "eth0"}},
        count);
  }

  Sample del(const Attachment& attachment, Count count) override {
    std::vector<std::string> argv{file_, network_.masquerade ? "del-masq" : "del",
                                  host_link(attachment.number)};
    if (network_.masquerade) {
      argv.emplace_back("br0");
      argv.push_back(address(attachment.number));
    }
    return measure({.argv = argv}, count);
  }

 private:
  static std::string host_link(int n) { return format("veth%08x", n); }
  static std::string address(int n) { return format("10.1.%d.%d", n / 200, n % 200 + 2); }

  std::string file_;
  std::string ruleset_;
  NetworkOptions network_;
};

}  // namespace

std::unique_ptr<Candidate> plugin_candidate(const std::string& directory, const NetworkOptions& network) {
  return std::make_unique<Plugin>(directory, network);
}

std::unique_ptr<Candidate> floor_candidate(const std::string& file, const std::string& ruleset,
                                           const NetworkOptions& network) {
  return std::make_unique<Floor>(file, ruleset, network);
}

}  // namespace fairlead::bench
