// A plugin for the tests of the skeleton: it writes its verbs into $PROBE_LOG and does what `probe` says.
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "plugins/cni/delegate.hpp"
#include "plugins/cni/document_json.hpp"

namespace fairlead::cni {
namespace {

/// The verb, and what stands out about it.
std::string line_of(const Request& request, const char* verb) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(request.deadline.left()).count();
  const char* netns = std::getenv("CNI_NETNS");
  std::string line = verb;
  if (request.netns.empty() && netns != nullptr && *netns == '\0') line += " without a namespace";
  const auto asked = request.config->root().string("ask");
  if (asked && *asked == "deadline") line += " within " + std::to_string(left) + " s";
  return line + '\n';
}

Result<void> act(const Request& request, const char* verb) {
  if (const char* log = std::getenv("PROBE_LOG")) std::ofstream(log, std::ios::app) << line_of(request, verb);
  FAIRLEAD_TRY(const auto code, request.config->root().integer("code", 1, 999));
  if (code) return Unexpected(Error{.what = "probe fails", .protocol_code = static_cast<int>(*code)});
  FAIRLEAD_TRY(const auto failing, request.config->root().string("fail"));
  if (failing == verb) return Unexpected(Errc::kBusy, "probe fails\nas told", "tell it otherwise");
  return {};
}

Result<AddResult> add(const Request& request) {
  FAIRLEAD_CHECK(act(request, "ADD"));
  AddResult result;
  if (request.ipam_type == "delegated") {
    FAIRLEAD_TRY(const Delegate delegate, Delegate::find(request, request.ipam_type));
    FAIRLEAD_TRY(result, delegate.add(request, -1));
  }
  FAIRLEAD_TRY(const auto address, request.config->root().iface_address("address"));
  if (address) result.ips.push_back(Ip{.address = *address});
  result.interfaces.push_back(Interface{.name = request.ifname, .sandbox = request.netns});
  return result;
}

Result<void> del(const Request& request) { return act(request, "DEL"); }
Result<void> check(const Request& request) { return act(request, "CHECK"); }
Result<void> gc(const Request& request) { return act(request, "GC"); }
Result<void> status(const Request& request) { return act(request, "STATUS"); }

const Plugin kProbe{.type = "probe",
                    .about = "answers as told",
                    .known_args = {},
                    .add = add,
                    .del = del,
                    .check = check,
                    .gc = gc,
                    .status = status};

}  // namespace
}  // namespace fairlead::cni

int main() { return fairlead::cni::run(fairlead::cni::kProbe); }
