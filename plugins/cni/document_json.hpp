// A parsed JSON document and cursors into it that know their key path, for the *_json.cpp files that turn
// configurations into values. Needs no JSON library to include.
//
//   FAIRLEAD_TRY(const Node ipam, request.config->root().member("ipam"));
//   FAIRLEAD_TRY(const auto subnet, ipam.network("subnet"));       // std::optional<IpNetwork>
//   FAIRLEAD_TRY(const auto ranges, ipam.items("ranges"));         // std::vector<Node>, empty if absent
//
// Every error is code 7 and names the path: "ipam.ranges[0][1].subnet: must be a string, not a number".
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/ip_address.hpp"
#include "fairlead/log.hpp"
#include "fairlead/mac_address.hpp"
#include "fairlead/result.hpp"

namespace fairlead::cni {

class Document;

/// One value of a document, or the place where a value is absent. JSON null counts as absent, as it does
/// for Go's decoder. Valid as long as its document.
class Node {
 public:
  /// False if there is nothing, or null.
  [[nodiscard]] bool present() const;
  /// "ipam.ranges[0]"; empty for the root.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// The member of that name, absent if it is not there. A key that differs from `key` only in case is
  /// taken if the exact one is missing, with a warning. kInvalidConfig if this is not an object.
  [[nodiscard]] Result<Node> member(std::string_view key) const;
  /// Whether the member exists, even as null.
  [[nodiscard]] Result<bool> has_member(std::string_view key) const;
  /// The elements of the array `key`, none if it is absent.
  [[nodiscard]] Result<std::vector<Node>> items(std::string_view key) const;
  /// The elements of this array, none if it is absent.
  [[nodiscard]] Result<std::vector<Node>> items() const;
  /// Names and values of this object's members, in the order of their names; none if it is absent.
  [[nodiscard]] Result<std::vector<std::pair<std::string, Node>>> members() const;

  [[nodiscard]] Result<std::optional<std::string>> string(std::string_view key) const;
  [[nodiscard]] Result<std::string> required_string(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::string>> strings(std::string_view key) const;
  [[nodiscard]] Result<bool> boolean(std::string_view key, bool fallback) const;
  [[nodiscard]] Result<std::optional<bool>> boolean(std::string_view key) const;
  [[nodiscard]] Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t min,
                                                            std::int64_t max) const;
  /// An empty string counts as absent for the address types: it is how Go writes an unset net.IP.
  [[nodiscard]] Result<std::optional<IpAddress>> ip(std::string_view key) const;
  [[nodiscard]] Result<std::optional<IfaceAddress>> iface_address(std::string_view key) const;
  [[nodiscard]] Result<std::optional<IpNetwork>> network(std::string_view key) const;
  [[nodiscard]] Result<std::optional<MacAddress>> mac(std::string_view key) const;

  /// This value as a type; absent is an error too.
  [[nodiscard]] Result<std::string> as_string() const;
  [[nodiscard]] Result<bool> as_boolean() const;
  [[nodiscard]] Result<std::int64_t> as_integer(std::int64_t min, std::int64_t max) const;

  /// kInvalidConfig with this path in front: "mtu: must not exceed the master's 1500".
  [[nodiscard]] Unexpected invalid(const std::string& reason) const;
  /// This value as compact JSON with sorted keys, for digests; "null" if it is absent.
  [[nodiscard]] std::string dump() const;

 private:
  friend class Document;
  Node(const Document* document, const nlohmann::json* value, std::string path)
      : document_(document), value_(value), path_(std::move(path)) {}
  [[nodiscard]] std::string child_path(std::string_view key) const;
  [[nodiscard]] Unexpected wrong_type(const char* expected) const;
  template <class T>
  [[nodiscard]] Result<std::optional<T>> parsed(std::string_view key) const;

  const Document* document_;
  const nlohmann::json* value_;  ///< nullptr: absent
  std::string path_;
};

/// A JSON object as it came in. Not thread-safe: it remembers what it has warned of.
class Document {
 public:
  static constexpr std::size_t kMaxSize = std::size_t{4} << 20U;
  static constexpr std::size_t kMaxDepth = 64;

  /// kDecodeFailure for what is no JSON object, is longer than kMaxSize or deeper than kMaxDepth;
  /// kInvalidConfig for a string with a NUL. Of a repeated key the last value counts, as for Go's decoder,
  /// with a warning. `log`, if given, must outlive the document.
  [[nodiscard]] static Result<std::shared_ptr<const Document>> parse(std::string_view text,
                                                                     const Logger* log = nullptr);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  [[nodiscard]] Node root() const;

 private:
  friend class Node;
  struct Content;
  explicit Document(std::unique_ptr<Content> content);
  void warn_of_case(const std::string& path, std::string_view wanted) const;
  std::unique_ptr<Content> content_;
};

}  // namespace fairlead::cni
