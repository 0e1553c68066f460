#include "fairlead/digest.hpp"
#include "plugins/cni/config_digest.hpp"
#include "plugins/cni/document_json.hpp"

namespace fairlead::cni {

std::string config_digest(const Document& config) {
  static constexpr std::size_t kDigestBytes = 8;
  std::string text;
  const auto members = config.root().members().value();  // the root is an object by construction
  for (const auto& [name, value] : members) {
    if (name == "prevResult" || name == "runtimeConfig" || name == "args" || name.rfind("cni.dev/", 0) == 0)
      continue;
    text += name + '\0' + value.dump() + '\0';
  }
  const Sha256 digest = sha256_of({text});
  return to_hex(std::span(digest).first(kDigestBytes));
}

}  // namespace fairlead::cni
