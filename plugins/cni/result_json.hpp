// The documents that go to standard output, and those that other plugins wrote there: results in every
// specification version, errors, the answer to VERSION.
#pragma once

#include <string>
#include <string_view>

#include "plugins/cni/document_json.hpp"
#include "plugins/cni/spec.hpp"

namespace fairlead::cni {

/// What to do with an entry of `ips` whose `interface` is no index into `interfaces`.
enum class DanglingIndex {
  kRefuse,  ///< prevResult: an error
  kDrop,    ///< an IPAM plugin's result, which should hold neither
};

/// The result at `node`, in the version that its own cniVersion names, else in `fallback`.
/// kInvalidConfig with the key path of what is wrong.
[[nodiscard]] Result<AddResult> decode_result(const Node& node, const SpecVersion& fallback,
                                              DanglingIndex dangling);

/// The `routes` of an object, of a configuration as well as of a result; none if it has no such key.
[[nodiscard]] Result<std::vector<Route>> decode_routes(const Node& parent);
/// The object that `dns` holds; empty if it is absent.
[[nodiscard]] Result<Dns> decode_dns(const Node& node);

/// Whether a result can be told in `version` at all. Versions 0.1.0 and 0.2.0 know one address per family
/// and nothing without an address.
[[nodiscard]] Result<void> check_expressible(const AddResult& result, const SpecVersion& version);
/// The same, known before anything is done: a result without addresses cannot be told in 0.1.0 and 0.2.0.
[[nodiscard]] Result<void> check_expressible(bool has_addresses, const SpecVersion& version);

/// One line of JSON. What a version has no key for is left out (MTU of an interface before 1.1.0,
/// interfaces before 0.3.0); what would change the meaning of the result is an error (check_expressible).
[[nodiscard]] Result<std::string> encode_result(const AddResult& result, const SpecVersion& version);

/// {cniVersion, code, msg, details}: `msg` is what failed, `details` the remedy and the further errors.
[[nodiscard]] std::string encode_error(const Error& error, int code, const SpecVersion& version);

/// The answer to VERSION.
[[nodiscard]] std::string encode_versions();

/// An error object of another plugin.
struct ForeignError {
  int code = 0;
  std::string msg{};
  std::string details{};
};
/// kDecodeFailure or kInvalidConfig if `text` is none.
[[nodiscard]] Result<ForeignError> decode_error(std::string_view text);

}  // namespace fairlead::cni
