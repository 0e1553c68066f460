#include "libnet/src/base/quote.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {

const std::vector<std::string>& SpecVersion::supported() {
  static const std::vector<std::string> versions{"0.1.0", "0.2.0", "0.3.0", "0.3.1",
                                                 "0.4.0", "1.0.0", "1.1.0"};
  return versions;
}

Result<SpecVersion> SpecVersion::parse(std::string_view text) {
  if (text.empty()) text = "0.1.0";
  std::string known;
  for (const std::string& version : supported()) {
    if (text == version) {
      // The list holds one digit per part.
      return SpecVersion(version[0] - '0', version[2] - '0', version[4] - '0');
    }
    known += known.empty() ? version : ", " + version;
  }
  return fail(kIncompatibleVersion, "cniVersion " + fairlead::quoted(text) + " is not supported",
              "this plugin speaks " + known);
}

std::string SpecVersion::to_string() const {
  return std::to_string(major_) + '.' + std::to_string(minor_) + '.' + std::to_string(patch_);
}

const char* to_string(Verb verb) {
  switch (verb) {
    case Verb::kAdd:
      return "ADD";
    case Verb::kDel:
      return "DEL";
    case Verb::kCheck:
      return "CHECK";
    case Verb::kGc:
      return "GC";
    case Verb::kStatus:
      return "STATUS";
    case Verb::kVersion:
      return "VERSION";
  }
  return "VERSION";
}

}  // namespace fairlead::cni
