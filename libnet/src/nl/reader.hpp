// Reading netlink messages: every length is checked, values are copied out, unknown attributes skipped.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <string>

#include "fairlead/result.hpp"
#include "nl/attr.hpp"

namespace fairlead::nl {

/// One message of a datagram.
struct Message {
  nlmsghdr header{};
  ByteView payload;  ///< what follows the nlmsghdr
  ByteView whole;
};

/// Walks the messages of a datagram.
class MessageWalk {
 public:
  explicit MessageWalk(ByteView bytes) : rest_(bytes) {}
  /// The next message; nothing at the end, and nothing (with malformed() set) where a length is wrong.
  [[nodiscard]] std::optional<Message> next();
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  ByteView rest_;
  bool malformed_ = false;
};

[[nodiscard]] inline Error malformed_error(const std::string& what) {
  return Error{.code = Errc::kIo, .what = "malformed netlink message: " + what};
}

/// The fixed header of a message body and the attributes behind it.
template <class Header>
struct Body {
  Header header{};
  ByteView attrs;
};
template <class Header>
[[nodiscard]] Result<Body<Header>> split_body(ByteView payload) {
  if (payload.size() < sizeof(Header)) return Unexpected(malformed_error("its header is cut off"));
  Body<Header> body;
  std::memcpy(&body.header, payload.data(), sizeof(Header));
  body.attrs = payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof(Header)), payload.size()));
  return body;
}

/// The attributes of one family. Values that are too short are left out and remembered; finish()
/// reports the first one. Of several attributes of one number the last counts, as in the kernel.
template <class Family>
class AttrReader {
 public:
  explicit AttrReader(ByteView attrs) {
    AttrWalk walk(attrs);
    while (const auto attr = walk.next()) {
      if (attr->type <= Family::kMax) found_[attr->type] = attr->payload, present_[attr->type] = true;
    }
    if (walk.malformed()) fail("an attribute runs past its end");
  }

  template <std::uint16_t kNumber, class T>
  [[nodiscard]] std::optional<typename Wire<T>::Value> get(Attr<Family, kNumber, T> attr) {
    static_assert(kNumber <= Family::kMax);
    if (!present_[kNumber]) return std::nullopt;
    auto value = Wire<T>::read(found_[kNumber]);
    if (!value) fail(std::string(attr.name) + " has the wrong length");
    return value;
  }
  /// Calls `read` with the reader of a nest, if it is there.
  template <std::uint16_t kNumber, class Inner, class Read>
  void nest(Nest<Family, kNumber, Inner> attr, Read&& read) {
    static_assert(kNumber <= Family::kMax);
    if (!present_[kNumber]) return;
    AttrReader<Inner> inner(found_[kNumber]);
    std::forward<Read>(read)(inner);
    if (!inner.failure().empty()) fail(std::string(attr.name) + "." + inner.failure());
  }
  void fail(std::string what) {
    if (what_.empty()) what_ = std::move(what);
  }
  /// What is wrong with the first bad value, empty if there is none.
  [[nodiscard]] const std::string& failure() const { return what_; }
  [[nodiscard]] Result<void> finish() const {
    if (what_.empty()) return {};
    return Unexpected(malformed_error(what_));
  }

 private:
  std::array<ByteView, Family::kMax + 1> found_{};
  std::array<bool, Family::kMax + 1> present_{};
  std::string what_;
};

}  // namespace fairlead::nl
