// What happens around a verb. The order matters: whatever can be refused is refused before the verb runs,
// and nothing is written to standard output before its outcome is final.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "plugins/cni/config_json.hpp"
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/environment.hpp"
#include "plugins/cni/log_file.hpp"
#include "plugins/cni/plugin.hpp"
#include "plugins/cni/result_json.hpp"
#include "plugins/cni/standard_streams.hpp"

namespace fairlead::cni {
namespace {

constexpr int kFailed = 1;

/// One call of a plugin with a verb that has to do with a network, i.e. all but VERSION.
class Call {
 public:
  Call(const Plugin& plugin, const std::vector<const Plugin*>& in_process) : plugin_(plugin) {
    request_.in_process = &in_process;
    request_.log = &log_;
    // The newest, for errors that come before the configuration has named one.
    if (auto newest = SpecVersion::parse(SpecVersion::supported().back())) request_.version = *newest;
  }

  /// The exit code.
  int run(std::string_view command);

 private:
  Result<void> prepare(std::string_view command);
  Result<void> set_up();
  Result<void> start_deadline();
  Result<void> load_environment();
  Result<void> refuse_what_cannot_be_told() const;
  Result<void> act();
  Result<void> add();
  Result<void> undo_add(Error reason);
  [[nodiscard]] std::string context() const;
  int answer(const Error& error);

  const Plugin& plugin_;
  Settings settings_;
  std::unique_ptr<LogFile> log_file_;
  Logger log_;
  Request request_;
  bool output_is_usable_ = true;  ///< for an error object
};

int Call::run(std::string_view command) {
  Result<void> done = prepare(command);
  if (done) done = act();
  Deadline::disarm();
  if (!done) return answer(done.error());
  log_.info("FL5000", "done");
  return 0;
}

Result<void> Call::prepare(std::string_view command) {
  output_is_usable_ = open_missing_streams();
  FAIRLEAD_TRY(request_.verb, parse_verb(command));
  if (!output_is_usable_ && request_.verb == Verb::kAdd) {
    return fail(kIoFailure, "standard output is closed: the result of ADD could not be told");
  }
  FAIRLEAD_CHECK(set_up());
  FAIRLEAD_CHECK(start_deadline());
  return load_environment();
}

/// Settings and log. A broken file must not keep every sandbox of a host from being removed, so DEL and GC
/// go on with what is right in it.
Result<void> Call::set_up() {
  LoadedSettings loaded = load_settings_past_errors();
  const bool goes_on = request_.verb == Verb::kDel || request_.verb == Verb::kGc;
  if (!loaded.problems.empty() && !goes_on) return Unexpected(join_errors(std::move(loaded.problems)));
  settings_ = std::move(loaded.settings);
  request_.settings = &settings_;
  log_file_ = std::make_unique<LogFile>(settings_);
  log_ = log_file_->logger();
  log_file_->set_context(context());
  for (const Error& problem : loaded.problems) log_.error("FL5007", "ignored: " + problem.to_string());
  return {};
}

Result<void> Call::start_deadline() {
  request_.deadline = Deadline::after(deadline_of(settings_, request_.ipam_type));
  return request_.deadline.arm();
}

Result<void> Call::load_environment() {
  const EnvironmentLookup lookup = [](const char* name) { return std::getenv(name); };
  FAIRLEAD_CHECK(read_environment(plugin_, lookup, request_));
  log_file_->set_context(context());
  FAIRLEAD_TRY(request_.config_text, read_to_end(STDIN_FILENO, Document::kMaxSize));
  FAIRLEAD_CHECK(decode_config(plugin_, request_));
  log_file_->set_context(context());
  // Now it is known who gives the addresses.
  if (request_.ipam_type == "dhcp") FAIRLEAD_CHECK(start_deadline());
  FAIRLEAD_CHECK(refuse_own_netns(request_, lookup));
  // For delegates, which read the variable themselves.
  if (request_.verb == Verb::kDel && request_.netns.empty()) ::setenv("CNI_NETNS", "", 1);
  return refuse_what_cannot_be_told();
}

Result<void> Call::refuse_what_cannot_be_told() const {
  if (request_.verb != Verb::kAdd) return {};
  const bool from_chain = request_.prev_result && !request_.prev_result->ips.empty();
  return check_expressible(plugin_.has_own_addresses || !request_.ipam_type.empty() || from_chain,
                           request_.version);
}

Result<void> Call::act() {
  switch (request_.verb) {
    case Verb::kAdd:
      return add();
    case Verb::kDel:
      return plugin_.del(request_);
    case Verb::kCheck:
      return plugin_.check(request_);
    case Verb::kGc:
      return plugin_.gc(request_);
    case Verb::kStatus:
      return plugin_.status(request_);
    case Verb::kVersion:
      break;
  }
  return fail(kInternalError, "VERSION is no verb of a network");
}

Result<void> Call::add() {
  FAIRLEAD_TRY(const AddResult result, plugin_.add(request_));
  auto text = encode_result(result, request_.version);
  if (!text) return undo_add(std::move(text).error());
  output_is_usable_ = false;
  auto written = write_whole(STDOUT_FILENO, *text, "standard output");
  if (!written) return undo_add(std::move(written).error());
  return {};
}

/// The runtime has no result, so to it the attachment does not exist and it may never send a DEL.
Result<void> Call::undo_add(Error reason) {
  Deadline::disarm();
  auto undone = plugin_.undo_add != nullptr ? plugin_.undo_add(request_) : plugin_.del(request_);
  if (!undone) reason.secondary.push_back(std::move(undone).error().with_context("undo ADD"));
  return Unexpected(std::move(reason));
}

std::string Call::context() const {
  std::string text =
      std::string(plugin_.type) + '[' + std::to_string(::getpid()) + "] " + to_string(request_.verb);
  if (!request_.network.empty()) text += ' ' + request_.network;
  if (!request_.container_id.empty()) text += '/' + request_.container_id + '/' + request_.ifname;
  if (const char* trace = std::getenv("TRACEPARENT")) text += std::string(" trace=") + trace;
  return text;
}

int Call::answer(const Error& error) {
  int code = code_of(error);
  // A runtime asks STATUS whether ADD would work, and 50 is how the specification says no. Codes from 100
  // are anybody's own and tell it nothing.
  const bool is_own = error.protocol_code == 0 || code >= kInternalError;
  if (request_.verb == Verb::kStatus && is_own) code = kNotAvailable;
  log_.error("FL5005", "error " + std::to_string(code) + ": " + error.to_string());
  const std::string text = encode_error(error, code, request_.version);
  // After a result, even half of one, there is no room for an error object on standard output.
  if (!output_is_usable_ || !write_whole(STDOUT_FILENO, text, "standard output")) {
    static_cast<void>(write_whole(STDERR_FILENO, text, "standard error"));
  }
  return kFailed;
}

int print_about(const Plugin& plugin) {
  std::string text = std::string(plugin.type) + ": " + plugin.about +
                     "\nFairlead " FAIRLEAD_VERSION
                     ". A CNI plugin: a container runtime calls it (CNI_COMMAND is not set). CNI versions:";
  for (const std::string& version : SpecVersion::supported()) text += ' ' + version;
  static_cast<void>(write_whole(STDERR_FILENO, text + '\n', "standard error"));
  return 0;
}

/// Looks at no other variable (podman sends dummies), reads nothing, opens nothing.
int print_versions() {
  return write_whole(STDOUT_FILENO, encode_versions(), "standard output") ? 0 : kFailed;
}

int serve(const Plugin& plugin, const std::vector<const Plugin*>& in_process) {
  // A reader that went away has to be seen as EPIPE, so that the ADD can be undone.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  const char* command = std::getenv("CNI_COMMAND");
  if (command == nullptr || *command == '\0') return print_about(plugin);
  if (std::string_view(command) == to_string(Verb::kVersion)) return print_versions();
  // The only other thread opens a socket: an arena of its own would be ten system calls for nothing.
  mallopt(M_ARENA_MAX, 1);
  return Call(plugin, in_process).run(command);
}

}  // namespace

int run(const Plugin& plugin, const std::vector<const Plugin*>& in_process_delegates) {
  const int code = serve(plugin, in_process_delegates);
  // Everything is written; the destructors of what is static have nothing to add.
  ::_exit(code);
}

}  // namespace fairlead::cni
