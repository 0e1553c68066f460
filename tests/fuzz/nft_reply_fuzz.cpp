// A datagram as nf_tables might send it, through every decoder of its replies. Each message serves as the
// request that an acknowledgement refers to as well.
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "nft/reply.hpp"
#include "nl/reader.hpp"

namespace {

using namespace fairlead;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_answer(const nlmsghdr* message) {
  const nft::Ack ack = nft::parse_ack(message);
  require(ack.err >= 0);
  if (ack.err != 0) require(!nft::error_of(ack, "operation", message).what.empty());
}

void read_object(const nlmsghdr* message) {
  if (const auto elements = nft::parse_elements({}, message)) {
    for (const nft::Element& element : *elements) require(!element.key.empty());
  }
  if (const auto table = nft::parse_table(message)) require(table->comment.size() < 256);
  if (const auto rule = nft::parse_rule(message)) require(rule->comment.size() < 256);
  static_cast<void>(nft::parse_chain_use(message));
  static_cast<void>(nft::parse_generation(message));
  for (std::uint32_t offset = 0; offset < message->nlmsg_len && offset < 256; ++offset) {
    static_cast<void>(
        nft::error_of({.seq = 0, .err = ENOENT, .message = {}, .offset = offset}, "op", message));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nl::MessageWalk walk(nl::ByteView(reinterpret_cast<const std::byte*>(data), size));
  while (const auto message = walk.next()) {
    // Of its own, aligned as in the socket's buffer, and exactly as long, so that ASan sees a read past it.
    std::vector<std::byte> bytes(message->whole.begin(), message->whole.end());
    bytes.shrink_to_fit();
    const auto* header = reinterpret_cast<const nlmsghdr*>(bytes.data());
    read_object(header);
    read_answer(header);
  }
  return 0;
}
