// Writing netlink messages.
#pragma once

#include <linux/netlink.h>

#include <string>
#include <vector>

#include "fairlead/result.hpp"
#include "nl/attr.hpp"

namespace fairlead::nl {

/// Bytes of one message under construction at the end of a buffer. Padding is zero. What does not fit
/// (an attribute has 16 bits of length) is left out and remembered; finish() reports the first such one.
class MessageBytes {
 public:
  explicit MessageBytes(std::vector<std::byte>& out) : out_(out), start_(out.size()) {}

  void append(ByteView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    out_.resize(start_ + NLMSG_ALIGN(out_.size() - start_));
  }
  template <class Struct>
  void append_struct(const Struct& value) {
    static_assert(std::is_trivially_copyable_v<Struct>);
    append(std::as_bytes(std::span(&value, 1)));
  }
  void attr(std::uint16_t type, const char* name, ByteView payload);
  /// Starts an attribute whose payload is whatever is appended until close().
  [[nodiscard]] std::size_t open(std::uint16_t type);
  void close(std::size_t opened, const char* name);

  [[nodiscard]] std::vector<std::byte>& buffer() { return out_; }
  [[nodiscard]] std::size_t start() const { return start_; }
  /// kInvalid if something did not fit.
  [[nodiscard]] Result<void> finish() const;

 private:
  void overflow(const char* name) {
    if (overflow_ == nullptr) overflow_ = name;
  }
  std::vector<std::byte>& out_;
  std::size_t start_;
  const char* overflow_ = nullptr;
};

/// Writes attributes of one family.
template <class Family>
class Encoder {
 public:
  explicit Encoder(MessageBytes& message) : message_(message) {}

  template <std::uint16_t kNumber, class T>
  Encoder& put(Attr<Family, kNumber, T> attr, const std::type_identity_t<typename Wire<T>::Value>& value) {
    const auto wire = Wire<T>::write(value);
    message_.attr(kNumber, attr.name, std::as_bytes(std::span(wire)));
    return *this;
  }
  /// Nothing for a value that is not set.
  template <std::uint16_t kNumber, class T, class U>
  Encoder& put_if(Attr<Family, kNumber, T> attr, const std::optional<U>& value) {
    return value ? put(attr, *value) : *this;
  }
  template <std::uint16_t kNumber, class Inner, class Fill>
  Encoder& nest(Nest<Family, kNumber, Inner> attr, Fill&& fill) {
    const std::size_t opened = message_.open(kNumber | NLA_F_NESTED);
    std::forward<Fill>(fill)(Encoder<Inner>(message_));
    message_.close(opened, attr.name);
    return *this;
  }
  template <std::uint16_t kNumber, class Inner, class Header, class Fill>
  Encoder& nest(Nest<Family, kNumber, Inner, Header> attr, const Header& header, Fill&& fill) {
    const std::size_t opened = message_.open(kNumber | NLA_F_NESTED);
    message_.append_struct(header);
    std::forward<Fill>(fill)(Encoder<Inner>(message_));
    message_.close(opened, attr.name);
    return *this;
  }
  /// An attribute whose payload is written by hand (RTA_MULTIPATH).
  template <std::uint16_t kNumber, class Fill>
  Encoder& raw(Attr<Family, kNumber, Octets> attr, Fill&& fill) {
    const std::size_t opened = message_.open(kNumber);
    std::forward<Fill>(fill)(message_);
    message_.close(opened, attr.name);
    return *this;
  }

 private:
  MessageBytes& message_;
};

/// Several requests in one buffer, sent at once and answered by index.
class Batch {
 public:
  struct Request {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool acknowledged = false;  ///< NLM_F_ACK is set; else the first message of the answer is the last
  };

  /// Adds a request; the result is its index. NLM_F_REQUEST is implied. On kInvalid (a value does not
  /// fit) the batch is as before.
  template <class Family, class Fill>
  Result<std::size_t> add(std::uint16_t type, std::uint16_t flags, const typename Family::Header& header,
                          Fill&& fill) {
    MessageBytes message(bytes_);
    message.append_struct(nlmsghdr{.nlmsg_len = 0,
                                   .nlmsg_type = type,
                                   .nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST),
                                   .nlmsg_seq = 0,
                                   .nlmsg_pid = 0});
    message.append_struct(header);
    std::forward<Fill>(fill)(Encoder<Family>(message));
    return complete(message, (flags & NLM_F_ACK) != 0);
  }

  [[nodiscard]] bool empty() const { return requests_.empty(); }
  [[nodiscard]] std::size_t size() const { return requests_.size(); }
  [[nodiscard]] const Request& request(std::size_t index) const { return requests_[index]; }
  /// The bytes of requests [first, last).
  [[nodiscard]] ByteView bytes(std::size_t first, std::size_t last) const;
  [[nodiscard]] ByteView bytes(std::size_t index) const { return bytes(index, index + 1); }
  /// Sequence numbers from `first` on, one per request.
  void number(std::uint32_t first);

 private:
  Result<std::size_t> complete(const MessageBytes& message, bool acknowledged);
  std::vector<std::byte> bytes_;
  std::vector<Request> requests_;
};

}  // namespace fairlead::nl
