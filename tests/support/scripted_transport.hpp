// A netlink transport that a test answers for.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "nl/encoder.hpp"
#include "nl/reader.hpp"
#include "nl/transport.hpp"

namespace fairlead::test {

using Datagram = std::vector<std::byte>;
using Datagrams = std::vector<Datagram>;

/// What happens to the sends of one transport. Shared, since a client owns its transport.
struct Script {
  static constexpr std::uint32_t kPort = 4711;

  /// Answers one request with any number of datagrams; called for each message of a send.
  std::function<Datagrams(const nl::Message&)> answer;
  /// The errno that the next send fails with, 0 for none; longer sends than `limit` fail with EMSGSIZE.
  int send_errno = 0;
  std::size_t limit = SIZE_MAX;
  /// The errno of the receive after those datagrams that are there, e.g. ENOBUFS.
  int receive_errno = 0;

  std::vector<std::size_t> sends;  ///< number of messages of each send
  std::deque<Datagram> waiting;
};

/// Aborts where a real socket would silently go wrong: a receive buffer that cuts dumps, a receive
/// that would block for ever, an answer that nobody read.
class ScriptedTransport final : public nl::Transport {
 public:
  explicit ScriptedTransport(Script& script) : script_(script) {}
  ~ScriptedTransport() override {
    if (!script_.waiting.empty()) die("an answer was not read");
  }

  Result<void> send(nl::ByteView datagram) override {
    if (datagram.size() > script_.limit) return refuse(EMSGSIZE);
    if (script_.send_errno != 0) return refuse(std::exchange(script_.send_errno, 0));
    script_.sends.push_back(0);
    nl::MessageWalk walk(datagram);
    while (const auto message = walk.next()) {
      ++script_.sends.back();
      for (Datagram& answer : script_.answer(*message)) script_.waiting.push_back(std::move(answer));
    }
    if (walk.malformed()) die("a malformed request");
    return {};
  }
  Result<std::size_t> receive(std::span<std::byte> buffer) override {
    if (buffer.size() < 32 * 1024) die("a receive buffer that cuts dumps");
    if (script_.waiting.empty() && script_.receive_errno != 0)
      return Unexpected(error_from_errno(std::exchange(script_.receive_errno, 0), "receive"));
    if (script_.waiting.empty()) die("a receive that would block for ever");
    const Datagram datagram = std::move(script_.waiting.front());
    script_.waiting.pop_front();
    std::copy(datagram.begin(), datagram.end(), buffer.begin());
    return datagram.size();
  }
  [[nodiscard]] std::uint32_t port() const override { return Script::kPort; }
  [[nodiscard]] int fd() const override { return -1; }

 private:
  static Result<void> refuse(int err) { return Unexpected(error_from_errno(err, "send")); }
  [[noreturn]] static void die(const char* what) {
    std::fprintf(stderr, "scripted transport: %s\n", what);
    std::abort();
  }
  Script& script_;
};

/// A message as the kernel sends it in answer to `request`.
inline Datagram reply_message(const nl::Message& request, std::uint16_t type, std::uint16_t flags,
                              nl::ByteView payload) {
  Datagram bytes;
  nl::MessageBytes message(bytes);
  message.append_struct(nlmsghdr{.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + payload.size()),
                                 .nlmsg_type = type,
                                 .nlmsg_flags = flags,
                                 .nlmsg_seq = request.header.nlmsg_seq,
                                 .nlmsg_pid = Script::kPort});
  message.append(payload);
  return bytes;
}

/// NLMSG_ERROR with CAP_ACK: `err` is a positive errno, 0 for an acknowledgement; `attrs` is the extended
/// acknowledgement.
inline Datagram ack(const nl::Message& request, int err = 0, nl::ByteView attrs = {}) {
  const nlmsgerr body{.error = -err, .msg = request.header};
  Datagram payload(sizeof(body));
  std::memcpy(payload.data(), &body, sizeof(body));
  payload.insert(payload.end(), attrs.begin(), attrs.end());
  const int flags = NLM_F_CAPPED | (attrs.empty() ? 0 : NLM_F_ACK_TLVS);
  return reply_message(request, NLMSG_ERROR, static_cast<std::uint16_t>(flags), payload);
}

}  // namespace fairlead::test
