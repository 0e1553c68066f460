// A datagram as the kernel might send it, through every decoder of rtnetlink replies. It serves as the
// request that an acknowledgement refers to as well.
#include <linux/rtnetlink.h>

#include <cstdlib>

#include "kernel/address_codec.hpp"
#include "kernel/link_codec.hpp"
#include "kernel/route_codec.hpp"
#include "nl/ext_ack.hpp"
#include "nl/format.hpp"

namespace {

using namespace fairlead;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_object(const nl::Message& message) {
  if (const auto link = kernel::read_link(message)) require(link->index.value != 0 && !link->name.empty());
  if (const auto address = kernel::read_address(message); address && *address) {
    require((*address)->address.prefix() <= (*address)->address.address().bits());
  }
  if (const auto route = kernel::read_route(message); route && *route) {
    for (const NextHop& hop : (*route)->hops) require(hop.weight != 0);
  }
}

void read_answer(const nl::Message& message, nl::ByteView datagram) {
  auto verdict = nl::read_verdict(message, datagram);
  if (verdict && verdict->err != 0) require(!nl::refusal(*std::move(verdict)).what.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const nl::ByteView datagram(reinterpret_cast<const std::byte*>(data), size);
  nl::MessageWalk walk(datagram);
  while (const auto message = walk.next()) {
    require(!nl::format_message(message->whole).empty());
    read_object(*message);
    read_answer(*message, datagram);
  }
  return 0;
}
