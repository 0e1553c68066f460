// A netfilter netlink socket and the bytes that go through it.
#pragma once

#include <libmnl/libmnl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "fairlead/result.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::nft {

/// Netlink messages one behind the other. A message is begun with the room it needs at most and ended
/// with the length it got.
class MessageBuffer {
 public:
  /// Starts a message; the pointer is valid until the next begin(). `room`: upper limit of its length.
  nlmsghdr* begin(std::uint16_t type, std::uint16_t flags, std::uint32_t seq, std::uint8_t family,
                  std::uint16_t res_id, std::size_t room);
  /// Ends the message that was begun last.
  void end();
  /// Asks for an acknowledgement of the message that was ended last.
  void acknowledge_last();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_.get(), used_}; }
  /// The message with that position, which must exist.
  [[nodiscard]] const nlmsghdr* message(std::size_t index) const;

 private:
  std::unique_ptr<std::byte[]> bytes_;  // zeroed message by message: untouched pages cost nothing
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t last_ = 0;
};

/// An error message or an acknowledgement (err == 0).
struct Ack {
  std::uint32_t seq = 0;
  int err = 0;
  std::string message;       ///< NLMSGERR_ATTR_MSG
  std::uint32_t offset = 0;  ///< NLMSGERR_ATTR_OFFS, 0: none
};

/// Reads an NLMSG_ERROR; EPROTO for one that is cut off or whose error number is no errno.
[[nodiscard]] Ack parse_ack(const nlmsghdr* message);

/// What a query gets for one of its messages.
struct AnswerHandler {
  /// Its first error is the result of the whole receive, after everything was read.
  std::function<Result<void>(const nlmsghdr*)> object;
  std::function<void(const Ack&)> ack;
};

class Socket {
 public:
  /// In the calling thread's namespace.
  [[nodiscard]] static Result<Socket> open();
  [[nodiscard]] int fd() const { return fd_.get(); }
  /// The first of the numbers that take_sequences() will take.
  [[nodiscard]] std::uint32_t next_sequence() const { return sequence_; }
  void take_sequences(std::uint32_t count) { sequence_ += count; }

  /// Sends everything at once. Errc::kExhausted with EMSGSIZE if that exceeds the send buffer.
  [[nodiscard]] Result<void> send(std::span<const std::byte> bytes);
  /// Reads what the kernel has answered by now. nf_tables works inside the sender's call, so after send()
  /// all answers to batches and to single queries are there; stops when there is no more. kOverrun if the
  /// receive buffer could not hold all of them; the handler got those that it held.
  [[nodiscard]] Result<void> receive_all(const AnswerHandler& handler);
  /// Reads a dump to its end. kInterrupted if it is not consistent, kNotFound if the object is missing.
  [[nodiscard]] Result<void> receive_dump(std::uint32_t seq, const AnswerHandler& handler);

 private:
  explicit Socket(UniqueFd fd);
  /// Bytes of one datagram, 0: nothing there (only with MSG_DONTWAIT).
  [[nodiscard]] Result<std::size_t> receive(int flags);

  UniqueFd fd_;
  std::uint32_t sequence_ = 1;
  std::unique_ptr<std::byte[]> buffer_;
};

}  // namespace fairlead::nft
