// The machine that one case runs on: a network and a mount namespace of its own, with private /run, /tmp,
// /var/lib, and the network namespaces of its containers. The process that runs the case *is* the host,
// so plugins and tools start in the right namespace by themselves, and its death is the teardown.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/case.hpp"
#include "tests/conformance/fd.hpp"
#include "tests/conformance/process.hpp"

namespace fairlead::conformance {

/// What the command line chose, the same for every case.
struct Setup {
  std::string plugin_dir{};
  std::string foreign_ipam_dir{};      ///< empty: IPAM delegates come from plugin_dir
  std::vector<std::string> present{};  ///< plugins found in plugin_dir
};

/// CNI_* of one call.
struct Attachment {
  std::string container = "c1";
  std::string netns{};
  std::string ifname = "eth0";
  std::string args{};
};

/// A plugin's answer.
struct Reply : Output {
  [[nodiscard]] bool ok() const { return exit_code == 0; }
  /// The JSON documents on standard output; a Failure if it holds anything else.
  [[nodiscard]] std::vector<Json> documents() const;
  /// The one document, or a Failure.
  [[nodiscard]] Json document() const;
  [[nodiscard]] int code() const;  ///< of the error object
  [[nodiscard]] std::string message() const;
  [[nodiscard]] std::string describe() const;
};

/// Environment variables to set, or (nullopt) to leave out.
using Overrides = std::map<std::string, std::optional<std::string>>;

class World {
 public:
  /// Turns the calling process into a fresh host.
  World(const Setup& setup, std::string version);

  [[nodiscard]] const std::string& version() const { return version_; }
  /// versions compare as text: all parts have one digit.
  [[nodiscard]] bool since(const std::string& version) const { return version_ >= version; }
  [[nodiscard]] const std::vector<std::string>& present() const { return setup_.present; }
  [[nodiscard]] const std::string& cni_path() const { return cni_path_; }
  /// Whether a plugin of foreign_ipam_dir has been executed in this world.
  [[nodiscard]] bool foreign_ipam_was_called() const;

  /// A new namespace with only `lo`, pinned at /run/netns/<name>; the path is returned.
  std::string add_netns(const std::string& name);
  void remove_netns(const std::string& path);
  /// Calls `body` with this process inside the namespace (empty path: the host).
  void inside(const std::string& netns, const std::function<void()>& body) const;

  /// An exact call of a plugin: default environment for the attachment, changed by `overrides`.
  Reply call(const std::string& plugin, const char* verb, const std::string& stdin_text,
             const Attachment& attachment, const Overrides& overrides = {},
             Command::Stdin stdin_mode = Command::Stdin::kText) const;
  /// The same without waiting, for many at once, or for a tracer.
  [[nodiscard]] Process start(const std::string& plugin, const char* verb, const std::string& stdin_text,
                              const Attachment& attachment, bool traced = false) const;
  /// A call of the plugin that `config.type` names.
  Reply call(const char* verb, const Json& config, const Attachment& attachment) const;

  /// Runs a tool; a non-zero exit is a Failure.
  std::string tool(const std::vector<std::string>& argv, const std::string& netns = {},
                   const std::string& stdin_text = {}) const;
  /// `ip -j ...`, empty output reads as [].
  [[nodiscard]] Json ip(const std::vector<std::string>& arguments, const std::string& netns = {}) const;
  /// One `ip -batch` with these lines.
  void ip_batch(const std::string& lines, const std::string& netns = {}) const;

  /// Blocks until `condition` holds, looking again at each notification of a link or an IPv6 address in
  /// the namespace (empty: the host); Failure after 10 s.
  void wait_for_change(const std::string& netns, const std::string& otherwise,
                       const std::function<bool()>& condition) const;

 private:
  void mount_private_directories();
  [[nodiscard]] Command command(const std::string& plugin, const char* verb, const std::string& stdin_text,
                                const Attachment& attachment, const Overrides& overrides) const;

  Setup setup_;
  std::string version_;
  std::string cni_path_;
  Fd host_;
};

/// The base of every configuration: cniVersion, name, type.
Json config(const World& world, const std::string& type, const std::string& network = "net");
/// ADD that has to succeed with one valid result of the right version.
Json attach(const World& world, const Json& config, const Attachment& attachment);
/// DEL that has to succeed and to print nothing; `result` becomes prevResult from 0.4.0 on, as libcni does.
void detach(const World& world, const Json& config, const Attachment& attachment, const Json& result = {});
/// CHECK with that prevResult.
Reply check(const World& world, Json config, const Attachment& attachment, const Json& result);
/// A call that has to fail with one error object, and with that code unless `code` is 0.
Reply must_fail(const Reply& reply, const std::string& what, int code = 0);

}  // namespace fairlead::conformance
