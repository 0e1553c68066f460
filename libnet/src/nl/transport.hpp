// Datagrams to the kernel and back: the seam between the protocol (client.hpp) and a socket. Tests put a
// script in its place.
#pragma once

#include <cstdint>
#include <memory>

#include "fairlead/result.hpp"
#include "nl/attr.hpp"

namespace fairlead::nl {

/// The kernel builds dump replies of up to 32 KiB where the reader's buffer allows (netlink_dump in
/// net/netlink/af_netlink.c); twice that also takes a single link with many virtual functions.
inline constexpr std::size_t kReceiveBuffer = std::size_t{64} * 1024;

/// One netlink socket. Not thread-safe.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Sends one datagram; nothing of it was processed when this fails. The kernel processes rtnetlink
  /// requests before the call returns. kTimeout once the deadline of the verb has passed
  /// (fairlead/deadline.hpp).
  [[nodiscard]] virtual Result<void> send(ByteView datagram) = 0;
  /// Blocks for one datagram from the kernel and returns its size. kOverrun: messages were lost (ENOBUFS).
  /// kTimeout: the deadline of the verb passed (fairlead/deadline.hpp).
  [[nodiscard]] virtual Result<std::size_t> receive(std::span<std::byte> buffer) = 0;
  /// The port number that the kernel answers to.
  [[nodiscard]] virtual std::uint32_t port() const = 0;
  /// To wait on and to ask for the namespace's cookie; -1 without a socket.
  [[nodiscard]] virtual int fd() const = 0;
};

/// Opens a NETLINK_ROUTE socket in the calling thread's namespace, with EXT_ACK, CAP_ACK and
/// GET_STRICT_CHK on and large buffers. Nothing else opens rtnetlink sockets.
[[nodiscard]] Result<std::unique_ptr<Transport>> open_rtnetlink();

}  // namespace fairlead::nl
