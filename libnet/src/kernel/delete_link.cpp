#include "kernel/delete_link.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "fairlead/deadline.hpp"
#include "nl/ext_ack.hpp"
#include "nl/format.hpp"
#include "sys/async_delete.hpp"

namespace fairlead::kernel {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Normally it takes half a millisecond. But whoever else holds the kernel's rtnl lock goes first, a
/// thousand deletions on a busy host for seconds, and a deadline of the caller's may end the wait earlier.
constexpr std::chrono::seconds kGiveUp{20};

DeleteOutcome gone() { return {}; }
DeleteOutcome refused(Error error) { return {.status = DeleteStatus::kRefused, .error = std::move(error)}; }
DeleteOutcome unknown(Error error) { return {.status = DeleteStatus::kUnknown, .error = std::move(error)}; }

/// Waits for the end of a link: on the socket that carried the request and is subscribed to link events,
/// and on the child's status pipe.
class DeleteWait {
 public:
  DeleteWait(RtnlNamespace& netns, nl::Transport& transport, LinkIndex index, nl::ByteView request,
             UniqueFd status)
      : netns_(netns),
        transport_(transport),
        index_(index),
        request_(request),
        status_(std::move(status)),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(nl::kReceiveBuffer)) {}

  DeleteOutcome run() {
    const auto end = steady_clock::now() + kGiveUp;
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
      if (left <= milliseconds::zero()) {
        return unknown({.code = Errc::kTimeout,
                        .what = "the kernel did not report it gone within " +
                                std::to_string(kGiveUp.count()) + " seconds"});
      }
      std::array<pollfd, 2> fds{pollfd{.fd = transport_.fd(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = status_.get(), .events = POLLIN, .revents = 0}};
      const int ready = poll(fds.data(), fds.size(), static_cast<int>(left.count()));
      if (ready < 0 && errno == EINTR && Deadline::passed()) {
        return unknown({.code = Errc::kTimeout, .what = "the deadline has passed"});
      }
      if (ready < 0 && errno != EINTR) return unknown(error_from_errno(errno, "wait for the deletion"));
      if (ready <= 0) continue;
      // The socket first: whatever the child did is in there before its end shows on the pipe.
      std::optional<DeleteOutcome> outcome;
      if (fds[0].revents != 0) {
        outcome = read_socket();
      } else if (fds[1].revents != 0) {
        outcome = read_status();
      }
      if (outcome) return *std::move(outcome);
    }
  }

 private:
  std::optional<DeleteOutcome> read_socket() {
    const auto size = transport_.receive({buffer_.get(), nl::kReceiveBuffer});
    if (!size && size.error().code == Errc::kOverrun) return ask();
    if (!size) return unknown(size.error());
    nl::MessageWalk walk(nl::ByteView(buffer_.get(), *size));
    while (const auto message = walk.next()) {
      if (auto outcome = judge(*message)) return outcome;
    }
    return std::nullopt;
  }

  std::optional<DeleteOutcome> judge(const nl::Message& message) {
    if (message.header.nlmsg_type == RTM_DELLINK) {
      const auto body = nl::split_body<ifinfomsg>(message.payload);
      // A bridge port is reported twice; the one of family AF_BRIDGE comes while the link still exists.
      if (body && body->header.ifi_family == AF_UNSPEC &&
          static_cast<std::uint32_t>(body->header.ifi_index) == index_.value) {
        return gone();
      }
    }
    if (message.header.nlmsg_type != NLMSG_ERROR || message.header.nlmsg_pid != transport_.port()) {
      return std::nullopt;
    }
    auto verdict = nl::read_verdict(message, request_);
    if (!verdict) return unknown(std::move(verdict).error());
    return verdict->err == 0 ? gone() : refused(nl::refusal(*std::move(verdict)));
  }

  std::optional<DeleteOutcome> read_status() {
    int err = 0;
    const ssize_t size = ::read(status_.get(), &err, sizeof(err));
    if (size < 0 && errno == EINTR) return std::nullopt;
    status_.reset();
    if (size == sizeof(err)) return refused(error_from_errno(err, "send to rtnetlink"));
    // The child is gone. If it sent the request, the notification was lost; if not, somebody killed it.
    auto outcome = ask();
    return outcome ? outcome
                   : unknown({.code = Errc::kIo, .what = "the child that was to delete it died early"});
  }

  /// Asks whether the link is still there.
  std::optional<DeleteOutcome> ask() {
    auto link = netns_.find_link(LinkTarget(index_));
    if (!link) return unknown(std::move(link).error());
    return link->has_value() ? std::nullopt : std::optional(gone());
  }

  RtnlNamespace& netns_;
  nl::Transport& transport_;
  LinkIndex index_;
  nl::ByteView request_;
  UniqueFd status_;
  std::unique_ptr<std::byte[]> buffer_;
};

}  // namespace

DeleteOutcome delete_link(RtnlNamespace& netns, LinkIndex index, std::span<const int> hold) {
  auto transport = netns.open_subscribed(RTNLGRP_LINK);
  if (!transport) return refused(std::move(transport).error());
  nl::Batch batch;
  if (auto added = add_delete(batch, index); !added) return refused(std::move(added).error());
  batch.number(1);
  const nl::ByteView request = batch.bytes(0);
  if (const auto trace = netns.trace()) trace("> " + nl::format_message(request));
  auto child =
      sys::start_async_delete({.rtnetlink_fd = (*transport)->fd(), .request = request, .hold = hold});
  UniqueFd status;
  if (child) {
    status = *std::move(child);
  } else if (auto sent = (*transport)->send(request); !sent) {  // no more processes: slower, but done
    return refused(std::move(sent).error());
  }
  return DeleteWait(netns, **transport, index, request, std::move(status)).run();
}

}  // namespace fairlead::kernel
