// The CNI specification's types (0.1.0 to 1.1.0), independent of JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/ip_address.hpp"
#include "fairlead/mac_address.hpp"
#include "fairlead/result.hpp"

namespace fairlead::cni {

/// Error codes: those of the specification that we answer, and ours from 100.
enum Code : int {
  kIncompatibleVersion = 1,
  kUnsupportedField = 2,
  kInvalidEnvironment = 4,
  kIoFailure = 5,
  kDecodeFailure = 6,
  kInvalidConfig = 7,
  kInvalidNetns = 8,
  kTryAgainLater = 11,
  kNotAvailable = 50,
  kInternalError = 100,
  kAlreadyAttached = 101,
  kMissingObject = 102,
  kBusyObject = 103,
  kPermissionDenied = 104,
  kLimitReached = 105,
  kKernelUnsupported = 106,
  kCheckFailed = 107,
  kDelegateFailed = 108,
};

/// The code that an error is answered with: its protocol_code, else by its class.
[[nodiscard]] int code_of(const Error& error);
/// An error that is answered with this CNI code.
[[nodiscard]] Unexpected fail(Code code, std::string what, std::string remedy = {});

enum class Verb : std::uint8_t { kAdd, kDel, kCheck, kGc, kStatus, kVersion };
[[nodiscard]] const char* to_string(Verb verb);

/// A specification version that we speak.
class SpecVersion {
 public:
  /// Empty means "0.1.0". kIncompatibleVersion for one that we do not speak.
  [[nodiscard]] static Result<SpecVersion> parse(std::string_view text);
  [[nodiscard]] static const std::vector<std::string>& supported();
  [[nodiscard]] std::string to_string() const;
  constexpr SpecVersion(int major, int minor, int patch) : major_(major), minor_(minor), patch_(patch) {}
  // clang-tidy 14 takes the 0 that a < b compares with for a pointer.
  friend constexpr auto operator<=>(const SpecVersion&,
                                    const SpecVersion&) = default;  // NOLINT(modernize-use-nullptr)

 private:
  int major_;
  int minor_;
  int patch_;
};

struct Interface {
  std::string name;
  std::string mac{};
  std::optional<std::uint32_t> mtu{};  ///< 1.1.0
  std::string sandbox{};               ///< CNI_NETNS; empty on the host
  std::string socket_path{};           ///< 1.1.0
  std::string pci_id{};                ///< 1.1.0
  bool operator==(const Interface&) const = default;
};

struct Ip {
  IfaceAddress address;
  std::optional<IpAddress> gateway{};
  std::optional<std::size_t> interface {};  ///< index into Result::interfaces
  bool operator==(const Ip&) const = default;
};

struct Route {
  IpNetwork dst;
  std::optional<IpAddress> gw{};
  std::optional<std::uint32_t> mtu{};
  std::optional<std::uint32_t> advmss{};
  std::optional<std::uint32_t> priority{};
  std::optional<std::uint32_t> table{};
  std::optional<std::uint8_t> scope{};
  bool operator==(const Route&) const = default;
};

struct Dns {
  std::vector<std::string> nameservers{};
  std::string domain{};
  std::vector<std::string> search{};
  std::vector<std::string> options{};
  [[nodiscard]] bool empty() const {
    return nameservers.empty() && domain.empty() && search.empty() && options.empty();
  }
  bool operator==(const Dns&) const = default;
};

/// The result of ADD, in the shape of 1.1.0; result_json converts it to and from every version.
struct AddResult {
  std::vector<Interface> interfaces{};
  std::vector<Ip> ips{};
  std::vector<Route> routes{};
  Dns dns{};
  bool operator==(const AddResult&) const = default;
};

/// One entry of `cni.dev/valid-attachments`.
struct AttachmentId {
  std::string container_id;
  std::string ifname;
  friend auto operator<=>(const AttachmentId&, const AttachmentId&) = default;
};

}  // namespace fairlead::cni
