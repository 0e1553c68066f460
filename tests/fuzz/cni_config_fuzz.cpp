// A plugin's standard input, after one byte that picks the verb.
#include <cstdlib>

#include "plugins/cni/config_json.hpp"
#include "plugins/cni/document_json.hpp"
#include "plugins/cni/environment.hpp"

namespace {

using namespace fairlead;
using cni::Verb;

const cni::Plugin kPlugin{.type = "fuzz",
                          .about = "",
                          .known_args = {},
                          .add = nullptr,
                          .del = nullptr,
                          .check = nullptr,
                          .gc = nullptr,
                          .status = nullptr};

void require(bool holds) {
  if (!holds) std::abort();
}

/// Goes through the whole tree with getters of every type, the wrong ones too.
void visit(const cni::Node& node) {
  static_cast<void>(node.dump());
  if (const auto members = node.members()) {
    for (const auto& [key, value] : *members) {
      require(node.member(key)->path() == value.path());
      static_cast<void>(node.string(key));
      static_cast<void>(node.boolean(key));
      static_cast<void>(node.integer(key, -5, 5));
      static_cast<void>(node.ip(key));
      static_cast<void>(node.iface_address(key));
      static_cast<void>(node.network(key));
      static_cast<void>(node.mac(key));
      static_cast<void>(node.strings(key));
      visit(value);
    }
  }
  if (const auto items = node.items()) {
    for (const cni::Node& item : *items) visit(item);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Logger log([](LogLevel, std::string_view, std::string_view) {});
  cni::Request request;
  request.verb = static_cast<Verb>(data[0] % 5);
  request.log = &log;
  request.config_text.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto decoded = cni::decode_config(kPlugin, request);
  if (request.config) visit(request.config->root());
  if (!decoded) {
    require(!decoded.error().what.empty() && cni::code_of(decoded.error()) != 0);
    return 0;
  }
  require(cni::is_identifier(request.network));
  require(request.version >= cni::first_version_of(request.verb));
  require(request.verb != Verb::kCheck || request.prev_result.has_value());
  return 0;
}
