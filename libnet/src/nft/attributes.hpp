// A checked walk over netlink attributes (the loops of libmnl are C macros that C++ does not accept).
#pragma once

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>

namespace fairlead::nft {

struct Attribute {
  std::uint16_t type;                     ///< without NLA_F_NESTED
  std::span<const std::uint8_t> payload;  ///< exactly as long as the attribute says

  /// The payload as a 32-bit number in the byte order it came in, if it is one.
  [[nodiscard]] std::optional<std::uint32_t> u32() const {
    std::uint32_t value = 0;
    if (payload.size() != sizeof value) return std::nullopt;
    std::memcpy(&value, payload.data(), sizeof value);
    return value;
  }
};

/// The attributes in `bytes`; ends at the first one that does not fit.
class Attributes {
 public:
  class Iterator {
   public:
    explicit Iterator(std::span<const std::uint8_t> left) : left_(left) { load(); }
    const Attribute& operator*() const { return *current_; }
    Iterator& operator++() {
      left_ = left_.subspan(
          std::min<std::size_t>(MNL_ALIGN(current_->payload.size() + MNL_ATTR_HDRLEN), left_.size()));
      load();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return !current_.has_value(); }

   private:
    void load() {
      current_.reset();
      nlattr header{};
      if (left_.size() < MNL_ATTR_HDRLEN) return;
      std::memcpy(&header, left_.data(), sizeof header);
      if (header.nla_len < MNL_ATTR_HDRLEN || header.nla_len > left_.size()) return;
      current_ = Attribute{.type = static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                           .payload = left_.subspan(MNL_ATTR_HDRLEN, header.nla_len - MNL_ATTR_HDRLEN)};
    }
    std::span<const std::uint8_t> left_;
    std::optional<Attribute> current_;
  };

  explicit Attributes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  /// Those of a message, behind `skip` bytes of its payload.
  Attributes(const nlmsghdr* message, std::size_t skip) {
    const auto* payload = static_cast<const std::uint8_t*>(mnl_nlmsg_get_payload(message));
    const std::size_t size = mnl_nlmsg_get_payload_len(message);
    if (skip <= size) bytes_ = std::span(payload, size).subspan(skip);
  }
  [[nodiscard]] Iterator begin() const { return Iterator(bytes_); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace fairlead::nft
