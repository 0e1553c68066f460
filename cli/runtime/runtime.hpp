// A CNI runtime over one network: the order of plugins, what each of them is told, and what is kept.
//
//   Runtime runtime(list, runner, ResultCache("/var/lib/cni"));
//   FAIRLEAD_TRY(const std::string result, runtime.add(attachment));
//
// The caller keeps apart what must not happen at once: two verbs of one container, GC and anything else. Who
// cannot keep others from attaching while GC works, answers its questions by what is true at that moment.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/runtime/network_list.hpp"
#include "cli/runtime/plugin_runner.hpp"
#include "cli/runtime/result_cache.hpp"

namespace fairlead::cli {

/// What GC asks while it works.
struct GcJudge {
  /// Whether a cached attachment is to be removed; asked just before its DEL.
  std::function<Result<bool>(const cni::AttachmentId&)> is_gone;
  /// Who is valid; asked just before each plugin collects.
  std::function<Result<ValidAttachments>()> valid_now;
};

class Runtime {
 public:
  Runtime(NetworkList network, PluginRunner& runner, ResultCache cache)
      : network_(std::move(network)), runner_(runner), cache_(std::move(cache)) {}

  /// The result of the last plugin, which is also cached. When a later plugin fails, it and those before
  /// it get DEL; when the first one refuses nothing of ours exists, and an attachment that was there before
  /// must not be touched. When it is killed or crashes, it gets DEL too: nobody else would send one.
  [[nodiscard]] Result<std::string> add(const AttachmentArgs& attachment);

  /// In reverse order, stopping at the first failure as the specification asks: the plugins in front of it
  /// still need their turn. What `attachment` does not say (CNI_ARGS, capability arguments, namespace) is
  /// taken from the cached result of ADD.
  [[nodiscard]] Result<void> del(const AttachmentArgs& attachment);

  /// kUnsupported before specification 0.4.0; kNotFound if no result of ADD is cached.
  [[nodiscard]] Result<void> check(const AttachmentArgs& attachment);

  /// First DEL for every cached attachment that is gone, then GC for every plugin where the version has it
  /// (1.1.0). Goes on after a failure and reports all.
  [[nodiscard]] Result<void> gc(const GcJudge& judge);

  /// kUnsupported before specification 1.1.0.
  [[nodiscard]] Result<void> status();

 private:
  [[nodiscard]] Result<PluginAnswer> execute(std::size_t plugin, cni::Verb verb,
                                             const AttachmentArgs& attachment, const Derivation& derivation);
  [[nodiscard]] Result<std::string> output_of(std::size_t plugin, cni::Verb verb,
                                              const Result<PluginAnswer>& ran) const;
  [[nodiscard]] Result<void> call(std::size_t plugin, cni::Verb verb, const AttachmentArgs& attachment,
                                  const Derivation& derivation);
  [[nodiscard]] Result<void> del_plugins(std::size_t count, const AttachmentArgs& attachment,
                                         const std::optional<std::string>& prev_result);
  [[nodiscard]] Result<void> del_if_gone(const CachedResult& entry, const GcJudge& judge);
  [[nodiscard]] Error undo_add(Error reason, std::size_t failed, const AttachmentArgs& attachment,
                               const std::optional<std::string>& prev_result);
  [[nodiscard]] Result<std::string> understand(std::size_t plugin, const std::string& answer) const;
  [[nodiscard]] Error failure(std::size_t plugin, cni::Verb verb, const PluginAnswer& answer) const;
  [[nodiscard]] std::string name_of(std::size_t plugin) const;

  NetworkList network_;
  PluginRunner& runner_;
  ResultCache cache_;
};

/// `given`, completed from what was cached at ADD.
[[nodiscard]] AttachmentArgs complete_from_cache(AttachmentArgs given, const CachedResult& cached);

}  // namespace fairlead::cli
