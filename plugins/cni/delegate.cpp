#include "plugins/cni/delegate.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "libnet/src/base/quote.hpp"
#include "plugins/cni/build_note.hpp"
#include "plugins/cni/environment.hpp"
#include "plugins/cni/exec_delegate.hpp"

namespace fairlead::cni {
namespace {

bool is_regular_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::string joined(const std::vector<std::string>& directories) {
  std::string text;
  for (const std::string& directory : directories) text += (text.empty() ? "" : ":") + directory;
  return text;
}

/// The plugin of that type that this executable carries, if the file is of the same build: only then is
/// running it here the same as executing the file.
const Plugin* carried_here(const Request& request, const std::string& type, const std::string& file) {
  if (request.in_process == nullptr) return nullptr;
  const auto carried =
      std::ranges::find_if(*request.in_process, [&](const Plugin* plugin) { return type == plugin->type; });
  if (carried == request.in_process->end() || build_id_of(file) != own_build_id()) return nullptr;
  return *carried;
}

Result<void> call_in_process(const Plugin& plugin, const Request& request) {
  switch (request.verb) {
    case Verb::kDel:
      return plugin.del(request);
    case Verb::kCheck:
      return plugin.check(request);
    case Verb::kGc:
      return plugin.gc(request);
    case Verb::kStatus:
      return plugin.status(request);
    case Verb::kAdd:
    case Verb::kVersion:
      break;
  }
  return fail(kInternalError, std::string(to_string(request.verb)) + " is no verb to call a delegate with");
}

}  // namespace

Result<Delegate> Delegate::find(const Request& request, const std::string& type) {
  const std::string path = "CNI_PATH " + fairlead::quoted(joined(request.path));
  if (type.empty() || type == "." || type == ".." || type.find('/') != std::string::npos) {
    return fail(kInvalidConfig, "plugin type " + fairlead::quoted(type) + " is no name of a file in " + path);
  }
  for (const std::string& directory : request.path) {
    std::string file = directory;
    file.append("/").append(type);
    if (!is_regular_file(file)) continue;
    const Plugin* plugin = carried_here(request, type, file);
    return Delegate(type, std::move(file), plugin);
  }
  return Unexpected(Errc::kNotFound, "find plugin " + fairlead::quoted(type) + ": no such file in " + path,
                    "install it there, or correct the plugin directory of the runtime");
}

Result<AddResult> Delegate::add(const Request& request, int lock_fd) const {
  if (plugin_ == nullptr) return exec_add({type_, file_}, request, lock_fd);
  FAIRLEAD_CHECK(check_known_args(*plugin_, request));
  Request own = request;
  own.verb = Verb::kAdd;
  auto result = plugin_->add(own);
  if (!result) return Unexpected(std::move(result).error().with_context("plugin " + type_ + " ADD"));
  return result;
}

Result<void> Delegate::call(Verb verb, const Request& request) const {
  if (plugin_ == nullptr) return exec_call({type_, file_}, verb, request);
  if (verb == Verb::kCheck) FAIRLEAD_CHECK(check_known_args(*plugin_, request));
  Request own = request;
  own.verb = verb;
  auto done = call_in_process(*plugin_, own);
  if (!done) {
    return Unexpected(std::move(done).error().with_context("plugin " + type_ + ' ' + to_string(verb)));
  }
  return done;
}

}  // namespace fairlead::cni
