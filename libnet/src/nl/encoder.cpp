#include "nl/encoder.hpp"

#include <limits>

namespace fairlead::nl {

namespace {

constexpr std::size_t kMaxAttr = std::numeric_limits<std::uint16_t>::max();

void store(std::vector<std::byte>& bytes, std::size_t at, const auto& value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

}  // namespace

void MessageBytes::attr(std::uint16_t type, const char* name, ByteView payload) {
  if (payload.size() > kMaxAttr - NLA_HDRLEN) return overflow(name);
  append_struct(nlattr{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + payload.size()), .nla_type = type});
  append(payload);
}

std::size_t MessageBytes::open(std::uint16_t type) {
  const std::size_t opened = out_.size();
  append_struct(nlattr{.nla_len = 0, .nla_type = type});
  return opened;
}

void MessageBytes::close(std::size_t opened, const char* name) {
  const std::size_t size = out_.size() - opened;
  if (size > kMaxAttr) {
    out_.resize(opened);
    return overflow(name);
  }
  store(out_, opened + offsetof(nlattr, nla_len), static_cast<std::uint16_t>(size));
}

Result<void> MessageBytes::finish() const {
  if (overflow_ == nullptr) return {};
  return Unexpected(Errc::kInvalid,
                    std::string("the value of ") + overflow_ + " is too long for a netlink attribute");
}

Result<std::size_t> Batch::complete(const MessageBytes& message, bool acknowledged) {
  const std::size_t begin = message.start();
  if (auto fits = message.finish(); !fits) {
    bytes_.resize(begin);
    return Unexpected(std::move(fits).error());
  }
  store(bytes_, begin + offsetof(nlmsghdr, nlmsg_len), static_cast<std::uint32_t>(bytes_.size() - begin));
  requests_.push_back({.begin = begin, .end = bytes_.size(), .acknowledged = acknowledged});
  return requests_.size() - 1;
}

ByteView Batch::bytes(std::size_t first, std::size_t last) const {
  return ByteView(bytes_).subspan(requests_[first].begin, requests_[last - 1].end - requests_[first].begin);
}

void Batch::number(std::uint32_t first) {
  for (const Request& request : requests_) {
    store(bytes_, request.begin + offsetof(nlmsghdr, nlmsg_seq), first++);
  }
}

}  // namespace fairlead::nl
