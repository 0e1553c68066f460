#include "nl/reader.hpp"

namespace fairlead::nl {

std::optional<Message> MessageWalk::next() {
  if (rest_.empty()) return std::nullopt;
  Message message;
  if (rest_.size() < sizeof(message.header)) {
    malformed_ = true;
    return std::nullopt;
  }
  std::memcpy(&message.header, rest_.data(), sizeof(message.header));
  const std::size_t size = message.header.nlmsg_len;
  if (size < sizeof(message.header) || size > rest_.size()) {
    malformed_ = true;
    return std::nullopt;
  }
  message.whole = rest_.first(size);
  message.payload = message.whole.subspan(sizeof(message.header));
  rest_ = rest_.subspan(std::min<std::size_t>(NLMSG_ALIGN(size), rest_.size()));
  return message;
}

}  // namespace fairlead::nl
