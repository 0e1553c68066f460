#include "nl/client.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

#include "nl/ext_ack.hpp"
#include "nl/format.hpp"

namespace fairlead::nl {

namespace {

/// Requests in flight at once. The answers wait in the socket's receive buffer, an echoed link with 4 KiB
/// of kernel memory each: 32 of them fit into the default of net.core.rmem_max.
constexpr std::size_t kMaxInFlight = 32;

/// A dump is repeated this often while others keep changing what it lists.
constexpr int kDumpAttempts = 20;

void trace_messages(const Client::Trace& trace, const char* direction, ByteView datagram) {
  MessageWalk walk(datagram);
  while (const auto message = walk.next()) trace(direction + format_message(message->whole));
}

/// Takes one message for `reply`. True if it completes the answer.
bool take_answer(const Message& message, const Batch& batch, std::size_t index, Reply& reply) {
  if (message.header.nlmsg_type != NLMSG_ERROR) {
    reply.message.assign(message.whole.begin(), message.whole.end());
    if (batch.request(index).acknowledged) return false;
    reply.status = ReplyStatus::kDone;
    return true;
  }
  auto verdict = read_verdict(message, batch.bytes(index));
  if (!verdict) {
    reply.error = std::move(verdict).error();
  } else if (verdict->err == 0) {
    reply.status = ReplyStatus::kDone;
  } else {
    reply.status = ReplyStatus::kRefused;
    reply.error = refusal(*std::move(verdict));
  }
  return true;
}

}  // namespace

Client::Client(std::unique_ptr<Transport> transport, Trace trace)
    : transport_(std::move(transport)),
      trace_(std::move(trace)),
      // Not zeroed: pages that no answer needs are never touched.
      buffer_(std::make_unique_for_overwrite<std::byte[]>(kReceiveBuffer)) {}

Result<ByteView> Client::receive() {
  FAIRLEAD_TRY(const std::size_t size, transport_->receive({buffer_.get(), kReceiveBuffer}));
  const ByteView datagram(buffer_.get(), size);
  if (trace_) trace_messages(trace_, "< ", datagram);
  return datagram;
}

bool Client::is_for_us(const Message& message, std::uint32_t first, std::size_t count) const {
  // Late answers to a batch whose deadline passed carry older numbers.
  return message.header.nlmsg_pid == transport_->port() && message.header.nlmsg_seq - first < count;
}

std::vector<Reply> Client::transact(Batch& batch) {
  std::vector<Reply> replies(batch.size(), Reply{.status = ReplyStatus::kNotSent});
  first_seq_ = next_seq_;
  next_seq_ += static_cast<std::uint32_t>(batch.size());
  batch.number(first_seq_);
  for (std::size_t first = 0; first < batch.size(); first += kMaxInFlight) {
    if (!exchange(batch, {first, std::min(batch.size(), first + kMaxInFlight)}, replies)) break;
  }
  return replies;
}

bool Client::exchange(const Batch& batch, Range range, std::vector<Reply>& replies) {
  const auto part = std::span(replies).subspan(range.first, range.last - range.first);
  const ByteView datagram = batch.bytes(range.first, range.last);
  if (trace_) trace_messages(trace_, "> ", datagram);
  const auto sent = transport_->send(datagram);
  if (sent) {
    for (Reply& reply : part) reply.status = ReplyStatus::kUnknown;
    collect(batch, range, replies);
    return std::all_of(part.begin(), part.end(),
                       [](const Reply& reply) { return reply.status == ReplyStatus::kDone; });
  }
  const bool too_long = sent.error().kernel && sent.error().kernel->err == EMSGSIZE;
  if (too_long && part.size() > 1) {  // a small SO_SNDBUF, as in a user namespace
    const std::size_t middle = range.first + part.size() / 2;
    return exchange(batch, {range.first, middle}, replies) && exchange(batch, {middle, range.last}, replies);
  }
  for (Reply& reply : part) reply = {.status = ReplyStatus::kRefused, .error = sent.error()};
  return false;
}

Result<void> Client::collect_some(const Batch& batch, Range range, std::vector<bool>& answered,
                                  std::vector<Reply>& replies) {
  FAIRLEAD_TRY(const ByteView datagram, receive());
  const auto first_seq = static_cast<std::uint32_t>(first_seq_ + range.first);
  MessageWalk walk(datagram);
  while (const auto message = walk.next()) {
    if (!is_for_us(*message, first_seq, answered.size())) continue;
    const std::size_t place = message->header.nlmsg_seq - first_seq;
    const std::size_t index = range.first + place;
    if (!answered[place]) answered[place] = take_answer(*message, batch, index, replies[index]);
  }
  if (walk.malformed()) return Unexpected(malformed_error("a length is wrong"));
  return {};
}

void Client::collect(const Batch& batch, Range range, std::vector<Reply>& replies) {
  std::vector<bool> answered(range.last - range.first);
  while (std::find(answered.begin(), answered.end(), false) != answered.end()) {
    const auto some = collect_some(batch, range, answered, replies);
    if (some) continue;
    for (std::size_t i = 0; i < answered.size(); ++i) {
      if (!answered[i]) replies[range.first + i].error = some.error();
    }
    return;
  }
}

Result<std::optional<std::vector<std::byte>>> Client::get(Batch& request) {
  Reply reply = std::move(transact(request).front());
  if (reply.status == ReplyStatus::kDone) return std::optional(std::move(reply.message));
  if (reply.status == ReplyStatus::kRefused && reply.error->code == Errc::kNotFound) {
    return std::optional<std::vector<std::byte>>();
  }
  return Unexpected(*std::move(reply.error));
}

Result<bool> Client::take_dump_part(ByteView datagram, ByteView request, std::vector<std::byte>& out,
                                    bool& changed) {
  MessageWalk walk(datagram);
  while (const auto message = walk.next()) {
    if (!is_for_us(*message, first_seq_, 1)) continue;
    if ((message->header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) changed = true;
    if (message->header.nlmsg_type == NLMSG_DONE || message->header.nlmsg_type == NLMSG_ERROR) {
      FAIRLEAD_TRY(KernelDetail verdict, read_verdict(*message, request));
      if (verdict.err != 0) return Unexpected(refusal(std::move(verdict)));
      return true;
    }
    out.insert(out.end(), message->whole.begin(), message->whole.end());
    out.resize(NLMSG_ALIGN(out.size()));
  }
  if (walk.malformed()) return Unexpected(malformed_error("a length is wrong"));
  return false;
}

/// False if the dump was interrupted by a change.
Result<bool> Client::dump_once(const Batch& request, std::vector<std::byte>& out) {
  out.clear();
  if (trace_) trace_messages(trace_, "> ", request.bytes(0));
  FAIRLEAD_CHECK(transport_->send(request.bytes(0)));
  bool changed = false;
  for (;;) {
    FAIRLEAD_TRY(const ByteView datagram, receive());
    FAIRLEAD_TRY(const bool complete, take_dump_part(datagram, request.bytes(0), out, changed));
    if (complete) return !changed;
  }
}

Result<std::vector<std::byte>> Client::dump(Batch& request) {
  std::vector<std::byte> out;
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    first_seq_ = next_seq_++;
    request.number(first_seq_);
    FAIRLEAD_TRY(const bool consistent, dump_once(request, out));
    if (consistent) return out;
  }
  return Unexpected(Errc::kInterrupted, "the list kept changing while the kernel wrote it");
}

}  // namespace fairlead::nl
