#include "cli/runtime/runtime.hpp"

#include "libnet/src/base/quote.hpp"
#include "plugins/cni/result_json.hpp"

namespace fairlead::cli {
namespace {

using cni::SpecVersion;
using cni::Verb;

constexpr SpecVersion kFirstWithCheck{0, 4, 0};  // and with prevResult on DEL
constexpr SpecVersion kFirstWithGc{1, 1, 0};     // and with STATUS

/// Whether a plugin was there to answer and said no, or never ran: then nothing new exists. One that was
/// killed or crashed may have got half-way.
bool is_refusal(const Result<PluginAnswer>& ran) {
  if (ran) return cni::decode_error(ran->output).has_value();
  return ran.error().code != Errc::kTimeout && ran.error().protocol_code != cni::kDelegateFailed;
}

}  // namespace

AttachmentArgs complete_from_cache(AttachmentArgs given, const CachedResult& cached) {
  if (given.netns.empty()) given.netns = cached.netns;
  if (given.cni_args.empty()) given.cni_args = cached.cni_args;
  if (given.capability_args.empty()) given.capability_args = cached.capability_args;
  return given;
}

std::string Runtime::name_of(std::size_t plugin) const {
  std::string name = "plugin " + network_.plugins[plugin].type;
  if (network_.plugins.size() > 1) {
    name += " (" + std::to_string(plugin + 1) + " of " + std::to_string(network_.plugins.size()) + ")";
  }
  return name;
}

Error Runtime::failure(std::size_t plugin, Verb verb, const PluginAnswer& answer) const {
  const std::string context = name_of(plugin) + " " + cni::to_string(verb);
  Error error{.code = Errc::kInternal, .what = context + " failed"};
  auto told = cni::decode_error(answer.output);
  if (!told) {
    // Not one of the specification's error objects: whatever it printed is all there is.
    error.what +=
        answer.exit_status < 0 ? " (killed)" : " (exit status " + std::to_string(answer.exit_status) + ")";
    error.what += answer.output.empty() ? " without a word" : ": " + fairlead::quoted(answer.output);
    error.protocol_code = cni::kDelegateFailed;
    return error;
  }
  error.what += ": " + told->msg;
  // Which of several plugins of that name it was.
  if (!answer.file.empty()) error.what += " [" + answer.file + "]";
  error.remedy = told->details;
  error.protocol_code = told->code;
  return error;
}

Result<PluginAnswer> Runtime::execute(std::size_t plugin, Verb verb, const AttachmentArgs& attachment,
                                      const Derivation& derivation) {
  const PluginConfig& config = network_.plugins[plugin];
  auto input = derive_config(network_, config, derivation);
  if (!input) return Unexpected(std::move(input).error().with_context(name_of(plugin)));
  auto answer = runner_.run(config.type, verb, attachment, *input);
  if (!answer) return Unexpected(std::move(answer).error().with_context(name_of(plugin)));
  return answer;
}

Result<std::string> Runtime::output_of(std::size_t plugin, Verb verb, const Result<PluginAnswer>& ran) const {
  if (!ran) return Unexpected(Error(ran.error()));
  if (ran->exit_status != 0) return Unexpected(failure(plugin, verb, *ran));
  return ran->output;
}

Result<void> Runtime::call(std::size_t plugin, Verb verb, const AttachmentArgs& attachment,
                           const Derivation& derivation) {
  FAIRLEAD_CHECK(output_of(plugin, verb, execute(plugin, verb, attachment, derivation)));
  return {};
}

Result<std::string> Runtime::add(const AttachmentArgs& attachment) {
  std::optional<std::string> result;
  for (std::size_t i = 0; i < network_.plugins.size(); ++i) {
    const auto ran = execute(i, Verb::kAdd, attachment,
                             {.prev_result = result, .capability_args = attachment.capability_args});
    auto answer = output_of(i, Verb::kAdd, ran);
    if (!answer && i == 0 && is_refusal(ran)) return answer;
    if (answer) answer = understand(i, *answer);
    if (!answer) return Unexpected(undo_add(std::move(answer).error(), i, attachment, result));
    result = std::move(*answer);
  }
  auto cached = cache_.save({.network = network_.name,
                             .container_id = attachment.container_id,
                             .ifname = attachment.ifname,
                             .netns = attachment.netns,
                             .cni_args = attachment.cni_args,
                             .capability_args = attachment.capability_args,
                             .config = network_.text,
                             .result = *result});
  // Without the cache entry CHECK and GC would not know the attachment.
  if (!cached) {
    return Unexpected(undo_add(std::move(cached).error(), network_.plugins.size() - 1, attachment, result));
  }
  return *std::move(result);
}

Result<std::string> Runtime::understand(std::size_t plugin, const std::string& answer) const {
  auto result = result_in_version(answer, network_.version);
  if (!result) {
    return Unexpected(std::move(result).error().with_context("result of " + name_of(plugin) + ": " +
                                                             fairlead::quoted(answer)));
  }
  return result;
}

Error Runtime::undo_add(Error reason, std::size_t failed, const AttachmentArgs& attachment,
                        const std::optional<std::string>& prev_result) {
  if (auto undone = del_plugins(failed + 1, attachment, prev_result); !undone) {
    reason.secondary.push_back(Error(undone.error()).with_context("undo"));
  }
  return reason;
}

Result<void> Runtime::del_plugins(std::size_t count, const AttachmentArgs& attachment,
                                  const std::optional<std::string>& prev_result) {
  Derivation derivation{.capability_args = attachment.capability_args};
  if (network_.version >= kFirstWithCheck) derivation.prev_result = prev_result;
  for (std::size_t i = count; i-- > 0;) {
    if (auto answer = call(i, Verb::kDel, attachment, derivation); !answer) {
      return Unexpected(std::move(answer).error());
    }
  }
  return {};
}

Result<void> Runtime::del(const AttachmentArgs& attachment) {
  AttachmentArgs complete = attachment;
  std::optional<std::string> prev_result;
  // An unreadable entry must not keep an attachment from being removed.
  auto cached = cache_.load(network_.name, attachment.container_id, attachment.ifname);
  if (cached && *cached) {
    complete = complete_from_cache(std::move(complete), **cached);
    auto converted = result_in_version((*cached)->result, network_.version);
    if (converted) prev_result = std::move(*converted);
  }
  FAIRLEAD_CHECK(del_plugins(network_.plugins.size(), complete, prev_result));
  return cache_.remove(network_.name, attachment.container_id, attachment.ifname);
}

Result<void> Runtime::check(const AttachmentArgs& attachment) {
  if (network_.version < kFirstWithCheck) {
    return Unexpected(Errc::kUnsupported, "network " + network_.name + " speaks " +
                                              network_.version.to_string() + ", and CHECK came with 0.4.0");
  }
  FAIRLEAD_TRY(const auto cached, cache_.load(network_.name, attachment.container_id, attachment.ifname));
  if (!cached) {
    return Unexpected(Errc::kNotFound,
                      "no result of ADD is cached for " + network_.name + "/" + attachment.container_id +
                          "/" + attachment.ifname,
                      "was it attached with another container id, interface name or cache directory?");
  }
  FAIRLEAD_TRY(auto prev_result, result_in_version(cached->result, network_.version));
  const AttachmentArgs complete = complete_from_cache(attachment, *cached);
  for (std::size_t i = 0; i < network_.plugins.size(); ++i) {
    auto answer = call(i, Verb::kCheck, complete,
                       {.prev_result = prev_result, .capability_args = complete.capability_args});
    if (!answer) return Unexpected(std::move(answer).error());
  }
  return {};
}

Result<void> Runtime::del_if_gone(const CachedResult& entry, const GcJudge& judge) {
  FAIRLEAD_TRY(const bool is_gone,
               judge.is_gone({.container_id = entry.container_id, .ifname = entry.ifname}));
  if (!is_gone) return {};
  return del({.container_id = entry.container_id, .netns = entry.netns, .ifname = entry.ifname});
}

Result<void> Runtime::gc(const GcJudge& judge) {
  std::vector<Error> errors;
  FAIRLEAD_TRY(const auto entries, cache_.list(network_.name));
  for (const CachedResult& entry : entries) {
    if (auto removed = del_if_gone(entry, judge); !removed) {
      errors.push_back(std::move(removed).error().with_context(entry.container_id + "/" + entry.ifname));
    }
  }
  for (std::size_t i = 0; i < network_.plugins.size() && network_.version >= kFirstWithGc; ++i) {
    auto valid = judge.valid_now();
    auto answer = valid ? call(i, Verb::kGc, {}, {.valid = *std::move(valid)})
                        : Result<void>(Unexpected(std::move(valid).error()));
    if (!answer) errors.push_back(std::move(answer).error());
  }
  if (errors.empty()) return {};
  return Unexpected(join_errors(std::move(errors)));
}

Result<void> Runtime::status() {
  if (network_.version < kFirstWithGc) {
    return Unexpected(Errc::kUnsupported, "network " + network_.name + " speaks " +
                                              network_.version.to_string() + ", and STATUS came with 1.1.0");
  }
  for (std::size_t i = 0; i < network_.plugins.size(); ++i) {
    if (auto answer = call(i, Verb::kStatus, {}, {}); !answer) return Unexpected(std::move(answer).error());
  }
  return {};
}

}  // namespace fairlead::cli
