#include "nft/socket.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "nl/ext_ack.hpp"
#include "nl/reader.hpp"

namespace fairlead::nft {
namespace {

// One transaction may be as large as the send buffer. 8 MiB hold some 30,000 elements; without
// CAP_NET_ADMIN in the initial user namespace it is net.core.wmem_max, and callers split.
constexpr int kSendBuffer = 8 << 20;
// Errors of a whole transaction come at once, each with its own skb (768 bytes of truesize and more).
constexpr int kReceiveBuffer = 4 << 20;
// The kernel fills dump datagrams up to min(reader's buffer, 32 KiB) (netlink_dump in af_netlink.c).
constexpr std::size_t kDatagram = 32 << 10;

void set_buffer(int fd, int forced, int plain, int size) {
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) < 0) {
    // Capped by net.core.{w,r}mem_max, never refused.
    static_cast<void>(setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size));
  }
}

}  // namespace

Ack parse_ack(const nlmsghdr* message) {
  Ack ack{.seq = message->nlmsg_seq, .err = EPROTO, .message = "malformed netlink error", .offset = 0};
  if (mnl_nlmsg_get_payload_len(message) < sizeof(nlmsgerr)) return ack;
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  if (!nl::is_verdict(error->error)) return ack;
  ack.err = -error->error;
  ack.message.clear();
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return ack;
  // Behind the echoed header, and behind the echoed payload too where CAP_ACK did not cut it.
  const nl::ByteView bytes(reinterpret_cast<const std::byte*>(message), message->nlmsg_len);
  std::size_t skip = NLMSG_HDRLEN + sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) {
    skip += std::max<std::size_t>(error->msg.nlmsg_len, sizeof(nlmsghdr)) - sizeof(nlmsghdr);
  }
  nl::AttrWalk walk(bytes.subspan(std::min(skip, bytes.size())));
  while (const auto attribute = walk.next()) {
    if (attribute->type == NLMSGERR_ATTR_MSG) {
      ack.message = nl::Wire<nl::Text>::read(attribute->payload).value_or("");
    } else if (attribute->type == NLMSGERR_ATTR_OFFS) {
      ack.offset = nl::Wire<std::uint32_t>::read(attribute->payload).value_or(0);
    }
  }
  return ack;
}

nlmsghdr* MessageBuffer::begin(std::uint16_t type, std::uint16_t flags, std::uint32_t seq,
                               std::uint8_t family, std::uint16_t res_id, std::size_t room) {
  if (capacity_ - used_ < room) {
    capacity_ = std::max(capacity_ * 2, used_ + room);
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity_);
    if (used_ > 0) std::memcpy(larger.get(), bytes_.get(), used_);
    bytes_ = std::move(larger);
  }
  last_ = used_;
  std::memset(bytes_.get() + used_, 0, room);  // libmnl 1.0.4 leaves the padding of attributes as it is
  nlmsghdr* header = mnl_nlmsg_put_header(bytes_.get() + used_);
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header->nlmsg_seq = seq;
  auto* extra = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  extra->nfgen_family = family;
  extra->version = NFNETLINK_V0;
  extra->res_id = htons(res_id);
  return header;
}

void MessageBuffer::end() {
  used_ = last_ + MNL_ALIGN(reinterpret_cast<const nlmsghdr*>(bytes_.get() + last_)->nlmsg_len);
}

void MessageBuffer::acknowledge_last() {
  auto* header = reinterpret_cast<nlmsghdr*>(bytes_.get() + last_);
  header->nlmsg_flags = static_cast<std::uint16_t>(header->nlmsg_flags | NLM_F_ACK);
}

const nlmsghdr* MessageBuffer::message(std::size_t index) const {
  const std::byte* at = bytes_.get();
  while (index-- > 0) at += MNL_ALIGN(reinterpret_cast<const nlmsghdr*>(at)->nlmsg_len);
  return reinterpret_cast<const nlmsghdr*>(at);
}

Socket::Socket(UniqueFd fd)
    : fd_(std::move(fd)), buffer_(std::make_unique_for_overwrite<std::byte[]>(kDatagram)) {}

Result<Socket> Socket::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd.valid()) {
    return Unexpected(error_from_errno(errno, "open netfilter socket")
                          .with_remedy("the kernel needs nfnetlink (CONFIG_NETFILTER_NETLINK)"));
  }
  const int on = 1;
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    if (setsockopt(fd.get(), SOL_NETLINK, option, &on, sizeof on) < 0) {
      return Unexpected(error_from_errno(errno, "set option of netfilter socket"));
    }
  }
  set_buffer(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, kSendBuffer);
  set_buffer(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBuffer);
  return Socket(std::move(fd));
}

Result<void> Socket::send(std::span<const std::byte> bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                    sizeof kernel);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {};
  Error error = error_from_errno(errno, "send to nf_tables");
  if (error.kernel->err == EMSGSIZE) error.code = Errc::kExhausted;
  return Unexpected(std::move(error));
}

Result<std::size_t> Socket::receive(int flags) {
  sockaddr_nl from{};
  socklen_t from_size = sizeof from;
  for (;;) {
    const ssize_t size = ::recvfrom(fd_.get(), buffer_.get(), kDatagram, flags | MSG_TRUNC,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return std::size_t{0};
      return Unexpected(error_from_errno(errno, "receive from nf_tables"));
    }
    if (from.nl_pid != 0) continue;  // not from the kernel
    if (static_cast<std::size_t>(size) > kDatagram) {
      return Unexpected(Errc::kIo,
                        "receive from nf_tables: datagram of " + std::to_string(size) + " bytes is cut");
    }
    return static_cast<std::size_t>(size);
  }
}

Result<void> Socket::receive_all(const AnswerHandler& handler) {
  std::optional<Error> failure;  // reported when everything is read: nothing may stay for the next call
  for (;;) {
    auto size = receive(MSG_DONTWAIT);
    if (!size && size.error().code == Errc::kOverrun) {
      // Told once, and ahead of the answers that the buffer did hold. The first refusals are among them, and
      // until the last one is read the socket stays congested: the kernel drops every further answer
      // (netlink_rcv_wake in af_netlink.c).
      failure = std::move(size).error();
      continue;
    }
    if (!size) return Unexpected(std::move(size).error());
    if (*size == 0) break;
    nl::MessageWalk walk(nl::ByteView(buffer_.get(), *size));
    while (const auto next = walk.next()) {
      const auto* message = reinterpret_cast<const nlmsghdr*>(next->whole.data());
      if (message->nlmsg_type == NLMSG_ERROR) {
        handler.ack(parse_ack(message));
      } else if (message->nlmsg_type >= NLMSG_MIN_TYPE && handler.object) {
        if (auto read = handler.object(message); !read && !failure) failure = std::move(read).error();
      }
    }
    if (walk.malformed() && !failure) failure = nl::malformed_error("it runs past the end of its datagram");
  }
  if (failure) return Unexpected(*std::move(failure));
  return {};
}

namespace {

/// The payload of NLMSG_DONE is the dump's own result: an errno, or a length.
Result<void> end_of_dump(const nl::Message& message, bool interrupted) {
  const int error = nl::Wire<std::int32_t>::read(message.payload).value_or(0);
  if (error < 0 && !nl::is_verdict(error)) return Unexpected(nl::malformed_error("its error number is none"));
  if (error < 0) return Unexpected(error_from_errno(-error, "list nf_tables objects"));
  if (interrupted) return Unexpected(Errc::kInterrupted, "list nf_tables objects: changed meanwhile");
  return {};
}

}  // namespace

Result<void> Socket::receive_dump(std::uint32_t seq, const AnswerHandler& handler) {
  bool interrupted = false;
  std::optional<Error> failure;
  for (;;) {
    FAIRLEAD_TRY(const std::size_t size, receive(0));
    nl::MessageWalk walk(nl::ByteView(buffer_.get(), size));
    while (const auto next = walk.next()) {
      const auto* message = reinterpret_cast<const nlmsghdr*>(next->whole.data());
      if (message->nlmsg_seq != seq) continue;
      interrupted = interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (message->nlmsg_type == NLMSG_DONE) {
        if (failure) return Unexpected(*std::move(failure));
        return end_of_dump(*next, interrupted);
      }
      if (message->nlmsg_type == NLMSG_ERROR) {
        const Ack ack = parse_ack(message);
        if (ack.err != 0) return Unexpected(error_from_errno(ack.err, "list nf_tables objects"));
      } else if (message->nlmsg_type >= NLMSG_MIN_TYPE) {
        if (auto read = handler.object(message); !read && !failure) failure = std::move(read).error();
      }
    }
    if (walk.malformed()) return Unexpected(nl::malformed_error("it runs past the end of its datagram"));
  }
}

}  // namespace fairlead::nft
