#include "plugins/cni/environment.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "fairlead/ids.hpp"
#include "libnet/src/base/quote.hpp"

namespace fairlead::cni {
namespace {

struct Variable {
  const char* name;
  std::string Request::*field;
  std::vector<Verb> required_by;
};

const std::vector<Variable>& variables() {
  using enum Verb;
  static const std::vector<Variable> list{
      {"CNI_CONTAINERID", &Request::container_id, {kAdd, kDel, kCheck}},
      {"CNI_NETNS", &Request::netns, {kAdd, kCheck}},
      {"CNI_IFNAME", &Request::ifname, {kAdd, kDel, kCheck}},
      {"CNI_PATH", nullptr, {kAdd, kDel, kCheck, kGc}},  // the reference asks STATUS for it too, the text not
  };
  return list;
}

std::string value_of(const EnvironmentLookup& lookup, const char* name) {
  const char* value = lookup(name);
  return value == nullptr ? std::string() : value;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_true(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return lower == "1" || lower == "true";
}

Unexpected bad_variable(const char* name, const std::string& value, const std::string& reason) {
  return fail(kInvalidEnvironment, std::string(name) + " is " + fairlead::quoted(value) + ": " + reason);
}

Result<void> parse_args(const std::string& text, Request& request) {
  if (text.empty()) return {};
  for (const std::string& pair : split(text, ';')) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return bad_variable("CNI_ARGS", text, fairlead::quoted(pair) + " is no KEY=VALUE pair");
    }
    std::string key = pair.substr(0, equals);
    std::string value = pair.substr(equals + 1);
    if (key == "IgnoreUnknown") {
      request.args_ignore_unknown = is_true(value);
    } else {
      request.args.insert_or_assign(std::move(key), std::move(value));
    }
  }
  return {};
}

Result<void> check_identity(const Request& request) {
  if (!request.container_id.empty() && !is_identifier(request.container_id)) {
    return bad_variable("CNI_CONTAINERID", request.container_id, kIdentifierRule);
  }
  if (request.ifname.empty()) return {};
  if (const auto name = LinkName::parse(request.ifname); !name) {
    return fail(kInvalidEnvironment, "CNI_IFNAME: " + name.error().what);
  }
  return {};
}

}  // namespace

bool is_identifier(std::string_view text) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && is_alphanumeric(text.front()) && std::ranges::all_of(text, [&](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  });
}

Result<Verb> parse_verb(std::string_view text) {
  using enum Verb;
  for (const Verb verb : {kAdd, kDel, kCheck, kGc, kStatus, kVersion}) {
    if (text == to_string(verb)) return verb;
  }
  return bad_variable("CNI_COMMAND", std::string(text), "must be ADD, DEL, CHECK, GC, STATUS or VERSION");
}

Result<void> check_known_args(const Plugin& plugin, const Request& request) {
  if (request.args_ignore_unknown) return {};
  std::string unknown;
  for (const auto& [key, value] : request.args) {
    if (std::ranges::find(plugin.known_args, key) != plugin.known_args.end()) continue;
    unknown += (unknown.empty() ? "" : ", ") + fairlead::quoted(key);
  }
  if (unknown.empty()) return {};
  return fail(kInvalidEnvironment, std::string("CNI_ARGS: ") + plugin.type + " does not know " + unknown,
              "add IgnoreUnknown=1 to have such keys ignored");
}

Result<void> read_environment(const Plugin& plugin, const EnvironmentLookup& lookup, Request& request) {
  std::string missing;
  for (const Variable& variable : variables()) {
    const std::string value = value_of(lookup, variable.name);
    if (variable.field != nullptr) request.*variable.field = value;
    const bool required = std::ranges::find(variable.required_by, request.verb) != variable.required_by.end();
    if (value.empty() && required) missing += (missing.empty() ? "" : ", ") + std::string(variable.name);
  }
  if (!missing.empty()) {
    return fail(
        kInvalidEnvironment,
        std::string("required environment variables missing for ") + to_string(request.verb) + ": " + missing,
        "container runtimes set them; on a command line use fairlead net");
  }
  for (std::string& directory : split(value_of(lookup, "CNI_PATH"), ':')) {
    if (!directory.empty()) request.path.push_back(std::move(directory));
  }
  FAIRLEAD_CHECK(check_identity(request));
  Result<void> args = parse_args(value_of(lookup, "CNI_ARGS"), request);
  if (args) args = check_known_args(plugin, request);
  if (args || request.verb == Verb::kAdd || request.verb == Verb::kCheck) return args;
  request.log->warning("FL5003", args.error().to_string());
  return {};
}

Result<void> refuse_own_netns(Request& request, const EnvironmentLookup& lookup) {
  if (request.netns.empty() || is_true(value_of(lookup, "CNI_NETNS_OVERRIDE"))) return {};
  struct stat theirs {};
  struct stat ours {};
  if (::stat(request.netns.c_str(), &theirs) != 0 || ::stat("/proc/self/ns/net", &ours) != 0) return {};
  if (theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino) return {};
  const std::string what = "CNI_NETNS is " + fairlead::quoted(request.netns) +
                           ", which is the namespace that the plugin itself is in";
  if (request.verb != Verb::kDel) {
    return fail(kInvalidNetns, what, "set CNI_NETNS_OVERRIDE=1 if that is meant");
  }
  request.log->warning("FL5006", what + ": deleting as if it were gone");
  request.netns.clear();
  return {};
}

}  // namespace fairlead::cni
