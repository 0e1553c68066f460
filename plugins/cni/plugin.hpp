// What a plugin is to the skeleton: a type, and one function per verb over a decoded request.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/deadline.hpp"
#include "fairlead/file_time.hpp"
#include "fairlead/log.hpp"
#include "fairlead/netns.hpp"
#include "plugins/cni/settings.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {

class Document;  ///< the parsed configuration; its accessors are for *_json.cpp (document_json.hpp)
struct Plugin;

/// One call, validated and decoded: environment plus configuration.
struct Request {
  Verb verb = Verb::kVersion;
  std::string container_id{};
  std::string netns{};  ///< path as given; may be empty for DEL
  std::string ifname{};
  std::vector<std::string> path{};            ///< CNI_PATH
  std::map<std::string, std::string> args{};  ///< CNI_ARGS, K=V
  bool args_ignore_unknown = false;           ///< IgnoreUnknown=1|true
  std::string config_text{};                  ///< standard input, byte by byte (for delegates)
  SpecVersion version{0, 1, 0};
  std::string network{};  ///< `name`
  std::string type{};
  std::string ipam_type{};  ///< `ipam.type`, empty if there is none
  std::optional<AddResult> prev_result{};
  std::vector<AttachmentId> valid_attachments{};  ///< GC
  /// GC: when these were looked up (kJudgedKey, config_json.cpp); what came since is spared.
  std::optional<FileTime> judged_at{};
  /// GC of an IPAM plugin within this process, which asks when it knows which leases there are: who besides
  /// valid_attachments is attached by now. Not set otherwise.
  std::function<Result<std::vector<AttachmentId>>()> attached_by_now{};
  std::shared_ptr<const Document> config{};
  const Settings* settings = nullptr;  ///< fairlead.conf and FAIRLEAD_*
  const Logger* log = nullptr;         ///< never nullptr in a verb
  Deadline deadline{};                 ///< armed (fairlead/deadline.hpp); delegates get what is left
  const std::vector<const Plugin*>* in_process = nullptr;  ///< delegates that this executable carries
};

/// A plugin's verbs. Every one is set: a plugin that has nothing to do for a verb says so in code.
struct Plugin {
  const char* type;   ///< file name of the executable
  const char* about;  ///< one line, printed on stderr when CNI_COMMAND is unset
  /// Keys that CNI_ARGS may hold besides IgnoreUnknown; any other key is an error without it.
  std::vector<const char*> known_args;
  Result<AddResult> (*add)(const Request&);
  Result<void> (*del)(const Request&);
  Result<void> (*check)(const Request&);
  Result<void> (*gc)(const Request&);
  Result<void> (*status)(const Request&);
  /// Called when the result of ADD could not be written to standard output; nullptr: `del` is called.
  Result<void> (*undo_add)(const Request&) = nullptr;
  /// ADD answers with addresses although there is neither an `ipam.type` nor an address in prevResult
  /// (loopback). Others are refused before they act where the version cannot tell such a result.
  bool has_own_addresses = false;
};

/// The whole of a plugin's main(): environment, standard input, settings, log, verb, one JSON document
/// on standard output, exit code. Never returns an exit code of 0 after a failure.
int run(const Plugin& plugin, const std::vector<const Plugin*>& in_process_delegates = {});

}  // namespace fairlead::cni
