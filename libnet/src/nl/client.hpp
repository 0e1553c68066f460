// Requests and their answers on one netlink socket.
#pragma once

#include <functional>
#include <vector>

#include "nl/encoder.hpp"
#include "nl/reader.hpp"
#include "nl/transport.hpp"

namespace fairlead::nl {

enum class ReplyStatus : std::uint8_t {
  kDone,     ///< acknowledged
  kRefused,  ///< the kernel said no, or sending failed
  kUnknown,  ///< sent, but no answer was read
  kNotSent,  ///< an earlier send of the batch met a failure
};

/// What the kernel answered to one request of a batch.
struct Reply {
  ReplyStatus status = ReplyStatus::kUnknown;
  /// Without the operation: "EEXIST: File exists (IFLA_IFNAME)". Set if kRefused or kUnknown.
  std::optional<Error> error{};
  /// The message that came with the answer (an object asked for, an echo), with its header; or empty.
  std::vector<std::byte> message{};
};

/// Speaks the request-answer protocol: sequence numbers, acknowledgements, echoes, dumps. Not thread-safe.
class Client {
 public:
  /// Receives one line per message sent and received.
  using Trace = std::function<void(const std::string& line)>;

  explicit Client(std::unique_ptr<Transport> transport, Trace trace = nullptr);

  /// Sends all requests, at best with one system call, and collects the answers: one per request, by
  /// index. Within a send the kernel goes on past a request that it refuses; where the batch needs several
  /// sends, none follows one that met a failure.
  [[nodiscard]] std::vector<Reply> transact(Batch& batch);

  /// One request for one object: its message, or nothing if the kernel has no such object.
  [[nodiscard]] Result<std::optional<std::vector<std::byte>>> get(Batch& request);

  /// One request with NLM_F_DUMP: all messages of the answer, one behind the other. A dump that a
  /// change interrupted (NLM_F_DUMP_INTR: it may lack or repeat objects) is repeated.
  [[nodiscard]] Result<std::vector<std::byte>> dump(Batch& request);

  [[nodiscard]] Transport& transport() { return *transport_; }

 private:
  struct Range {
    std::size_t first;
    std::size_t last;
  };
  /// False if one of the requests was not done.
  [[nodiscard]] bool exchange(const Batch& batch, Range range, std::vector<Reply>& replies);
  Result<void> collect_some(const Batch& batch, Range range, std::vector<bool>& answered,
                            std::vector<Reply>& replies);
  void collect(const Batch& batch, Range range, std::vector<Reply>& replies);
  Result<ByteView> receive();
  Result<bool> take_dump_part(ByteView datagram, ByteView request, std::vector<std::byte>& out,
                              bool& changed);
  Result<bool> dump_once(const Batch& request, std::vector<std::byte>& out);
  [[nodiscard]] bool is_for_us(const Message& message, std::uint32_t first, std::size_t count) const;

  std::unique_ptr<Transport> transport_;
  Trace trace_;
  std::unique_ptr<std::byte[]> buffer_;
  std::uint32_t next_seq_ = 1;
  std::uint32_t first_seq_ = 0;  ///< of the batch under way
};

}  // namespace fairlead::nl
