#include "nl/ext_ack.hpp"

#include <cstring>

#include "nl/format.hpp"

namespace fairlead::nl {

namespace {

// NOLINTBEGIN(readability-identifier-naming): entries of an attribute table, as in link_attrs.hpp.
// NLMSGERR_ATTR_MISS_TYPE and _NEST came with Linux 6.1.
struct ExtAck {
  static constexpr std::uint16_t kMax = NLMSGERR_ATTR_MISS_NEST;
  static constexpr Attr<ExtAck, NLMSGERR_ATTR_MSG, Text> message{"NLMSGERR_ATTR_MSG"};
  static constexpr Attr<ExtAck, NLMSGERR_ATTR_OFFS, std::uint32_t> offset{"NLMSGERR_ATTR_OFFS"};
  static constexpr Attr<ExtAck, NLMSGERR_ATTR_MISS_TYPE, std::uint32_t> missing{"NLMSGERR_ATTR_MISS_TYPE"};
  static constexpr Attr<ExtAck, NLMSGERR_ATTR_MISS_NEST, std::uint32_t> nest{"NLMSGERR_ATTR_MISS_NEST"};
};
// NOLINTEND(readability-identifier-naming)

/// Where the attributes of the answer begin: behind the errno, and in an NLMSG_ERROR behind the repeated
/// header of the request or, without CAP_ACK, the whole request.
std::size_t attrs_begin(const Message& answer) {
  if (answer.header.nlmsg_type == NLMSG_DONE) return NLMSG_ALIGN(sizeof(std::int32_t));
  if ((answer.header.nlmsg_flags & NLM_F_CAPPED) != 0) return NLMSG_ALIGN(sizeof(nlmsgerr));
  nlmsgerr error{};
  std::memcpy(&error, answer.payload.data(), sizeof(error));
  return sizeof(error.error) + NLMSG_ALIGN(std::size_t{error.msg.nlmsg_len});
}

void read_attrs(KernelDetail& detail, ByteView attrs, ByteView request) {
  AttrReader<ExtAck> reader(attrs);
  if (const auto text = reader.get(ExtAck::message)) detail.message = std::string(*text);
  if (const auto offset = reader.get(ExtAck::offset)) detail.attribute = attribute_path(request, *offset);
  if (const auto missing = reader.get(ExtAck::missing)) {
    const auto nest = reader.get(ExtAck::nest);
    detail.attribute =
        missing_attribute_path(request, nest ? std::optional<std::size_t>(*nest) : std::nullopt,
                               static_cast<std::uint16_t>(*missing));
    if (detail.message.empty()) detail.message = "a required attribute is missing";
  }
}

}  // namespace

bool is_verdict(std::int32_t error) { return error <= 0 && error != INT32_MIN; }

Result<KernelDetail> read_verdict(const Message& answer, ByteView request) {
  const std::size_t fixed = answer.header.nlmsg_type == NLMSG_DONE ? sizeof(std::int32_t) : sizeof(nlmsgerr);
  const auto error = Wire<std::int32_t>::read(answer.payload);
  KernelDetail detail;
  // The kernel ends some dumps with an empty NLMSG_DONE.
  if (answer.header.nlmsg_type == NLMSG_DONE && !error) return detail;
  if (!error || answer.payload.size() < fixed) {
    return Unexpected(malformed_error("an acknowledgement is cut off"));
  }
  const bool length = answer.header.nlmsg_type == NLMSG_DONE && *error > 0;  // netlink_dump_done() may
  if (!length && !is_verdict(*error)) return Unexpected(malformed_error("its error number is none"));
  detail.err = length ? 0 : -*error;
  if (detail.err != 0 && (answer.header.nlmsg_flags & NLM_F_ACK_TLVS) != 0) {
    if (const std::size_t begin = attrs_begin(answer); begin <= answer.payload.size()) {
      read_attrs(detail, answer.payload.subspan(begin), request);
    }
  }
  return detail;
}

Error refusal(KernelDetail detail) {
  Error error{.code = errc_of_errno(detail.err),
              .what = errno_name(detail.err) + ": " +
                      (detail.message.empty() ? errno_text(detail.err) : detail.message),
              .remedy = {}};
  if (!detail.attribute.empty()) error.what += " (" + detail.attribute + ")";
  error.kernel = std::move(detail);
  return error;
}

}  // namespace fairlead::nl
