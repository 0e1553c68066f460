#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "fairlead/deadline.hpp"
#include "nl/transport.hpp"

namespace fairlead::nl {

namespace {

constexpr int kSocketBuffer = 1 << 20;

struct SocketCloser {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, SocketCloser>;

class MnlTransport final : public Transport {
 public:
  explicit MnlTransport(Socket socket) : socket_(std::move(socket)) {}

  Result<void> send(ByteView datagram) override {
    for (;;) {
      // Before each send, since none is cut short: the kernel takes its mutex uninterruptibly inside it.
      FAIRLEAD_CHECK(Deadline::check("send to rtnetlink"));
      if (mnl_socket_sendto(socket_.get(), datagram.data(), datagram.size()) >= 0) return {};
      if (errno != EINTR) return Unexpected(error_from_errno(errno, "send to rtnetlink"));
    }
  }

  Result<std::size_t> receive(std::span<std::byte> buffer) override {
    for (;;) {
      sockaddr_nl sender{};
      iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
      msghdr message{};
      message.msg_name = &sender;
      message.msg_namelen = sizeof(sender);
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      const ssize_t size = recvmsg(fd(), &message, 0);
      if (size < 0 && errno == EINTR && !Deadline::passed()) continue;
      if (size < 0 && errno == EINTR) {
        return Unexpected(Errc::kTimeout, "wait for rtnetlink's answer: the deadline has passed");
      }
      if (size < 0) return Unexpected(error_from_errno(errno, "receive from rtnetlink"));
      if (sender.nl_pid != 0) continue;  // another process with CAP_NET_ADMIN can send to our port
      if ((message.msg_flags & MSG_TRUNC) != 0) {
        return Unexpected(Errc::kIo, "receive from rtnetlink: an answer is longer than " +
                                         std::to_string(buffer.size()) + " bytes");
      }
      return static_cast<std::size_t>(size);
    }
  }

  [[nodiscard]] std::uint32_t port() const override { return mnl_socket_get_portid(socket_.get()); }
  [[nodiscard]] int fd() const override { return mnl_socket_get_fd(socket_.get()); }

 private:
  Socket socket_;
};

/// The FORCE variant passes the limit of net.core.*mem_max but needs CAP_NET_ADMIN in the initial user
/// namespace. A smaller buffer is no error: batches are split to fit.
void enlarge(int fd, int forced, int plain) {
  if (setsockopt(fd, SOL_SOCKET, forced, &kSocketBuffer, sizeof(kSocketBuffer)) != 0) {
    (void)setsockopt(fd, SOL_SOCKET, plain, &kSocketBuffer, sizeof(kSocketBuffer));
  }
}

Result<void> require_option(mnl_socket* socket, int option, const char* name, const char* since) {
  int on = 1;
  if (mnl_socket_setsockopt(socket, option, &on, sizeof(on)) == 0) return {};
  return Unexpected(error_from_errno(errno, std::string("set ") + name + " on an rtnetlink socket")
                        .with_remedy(std::string("Linux ") + since + " or newer is needed"));
}

}  // namespace

Result<std::unique_ptr<Transport>> open_rtnetlink() {
  Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (!socket) return Unexpected(error_from_errno(errno, "open an rtnetlink socket"));
  // Binds and asks getsockname for the port number that the kernel chose: it is the process id for the
  // first socket of a process only.
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) != 0) {
    return Unexpected(error_from_errno(errno, "bind an rtnetlink socket"));
  }
  FAIRLEAD_CHECK(require_option(socket.get(), NETLINK_EXT_ACK, "NETLINK_EXT_ACK", "4.12"));
  FAIRLEAD_CHECK(require_option(socket.get(), NETLINK_CAP_ACK, "NETLINK_CAP_ACK", "4.3"));
  FAIRLEAD_CHECK(require_option(socket.get(), NETLINK_GET_STRICT_CHK, "NETLINK_GET_STRICT_CHK", "4.20"));
  enlarge(mnl_socket_get_fd(socket.get()), SO_RCVBUFFORCE, SO_RCVBUF);
  enlarge(mnl_socket_get_fd(socket.get()), SO_SNDBUFFORCE, SO_SNDBUF);
  return std::unique_ptr<Transport>(std::make_unique<MnlTransport>(std::move(socket)));
}

}  // namespace fairlead::nl
