// The part of libmnl's interface that we and libnftnl.a call, for executables that are linked statically.
//
// Debian has libmnl as a shared library only. A CNI executable lives for two milliseconds, and the dynamic
// linker takes a tenth of that and half of its memory (docs/architecture.md, "CNI"); with this archive in
// its place nothing is left to load. Libraries and the tool use the real one. tests/unit/
// libmnl holds the two against each other. Signatures and semantics: <libmnl/libmnl.h>.
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

struct mnl_socket {
  int fd;
  sockaddr_nl address;
};

namespace {

constexpr std::size_t kAlign = 4;  // NLMSG_ALIGNTO and NLA_ALIGNTO

constexpr std::size_t aligned(std::size_t size) { return (size + kAlign - 1) & ~(kAlign - 1); }

constexpr std::size_t kMessageHeader = aligned(sizeof(nlmsghdr));
constexpr std::size_t kAttributeHeader = aligned(sizeof(nlattr));

char* bytes(const void* object) { return static_cast<char*>(const_cast<void*>(object)); }

nlattr* attribute_at(const void* position) {
  return static_cast<nlattr*>(static_cast<void*>(bytes(position)));
}

char* end_of(const nlmsghdr* message) { return bytes(message) + aligned(message->nlmsg_len); }

template <typename T>
T value_of(const nlattr* attribute) {
  T value{};
  std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof(value));
  return value;
}

/// Calls `callback` for every attribute from `first` up to `end`, until it asks to stop.
int parse(const char* first, const char* end, mnl_attr_cb_t callback, void* data) {
  int verdict = MNL_CB_OK;
  for (const nlattr* attribute = attribute_at(first);
       mnl_attr_ok(attribute, static_cast<int>(end - bytes(attribute)));
       attribute = mnl_attr_next(attribute)) {
    verdict = callback(attribute, data);
    if (verdict <= MNL_CB_STOP) break;
  }
  return verdict;
}

/// How long the payload of a number is, 0 for other types.
std::size_t number_size(mnl_attr_data_type type) {
  switch (type) {
    case MNL_TYPE_U8:
      return sizeof(std::uint8_t);
    case MNL_TYPE_U16:
      return sizeof(std::uint16_t);
    case MNL_TYPE_U32:
      return sizeof(std::uint32_t);
    case MNL_TYPE_U64:
    case MNL_TYPE_MSECS:
      return sizeof(std::uint64_t);
    default:
      return 0;
  }
}

int invalid(int error) {
  errno = error;
  return -1;
}

int validate_string(const nlattr* attribute, mnl_attr_data_type type) {
  const std::size_t size = mnl_attr_get_payload_len(attribute);
  if (type == MNL_TYPE_NUL_STRING) {
    if (size == 0) return invalid(ERANGE);
    const auto* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
    if (text[size - 1] != '\0') return invalid(EINVAL);
  }
  return size == 0 ? invalid(ERANGE) : 0;
}

}  // namespace

extern "C" {

// Messages ------------------------------------------------------------------------------------------------

nlmsghdr* mnl_nlmsg_put_header(void* buffer) {
  std::memset(buffer, 0, kMessageHeader);
  auto* message = static_cast<nlmsghdr*>(buffer);
  message->nlmsg_len = kMessageHeader;
  return message;
}

void* mnl_nlmsg_put_extra_header(nlmsghdr* message, std::size_t size) {
  char* header = end_of(message);
  message->nlmsg_len += static_cast<std::uint32_t>(aligned(size));
  std::memset(header, 0, aligned(size));
  return header;
}

void* mnl_nlmsg_get_payload(const nlmsghdr* message) { return bytes(message) + kMessageHeader; }

std::size_t mnl_nlmsg_get_payload_len(const nlmsghdr* message) { return message->nlmsg_len - kMessageHeader; }

/// The original takes a length of 2^31 and more for a negative one, and so for one that fits.
bool mnl_nlmsg_ok(const nlmsghdr* message, int left) {
  return left >= static_cast<int>(sizeof(nlmsghdr)) && message->nlmsg_len >= sizeof(nlmsghdr) &&
         message->nlmsg_len <= static_cast<std::uint32_t>(left);
}

nlmsghdr* mnl_nlmsg_next(const nlmsghdr* message, int* left) {
  *left -= static_cast<int>(aligned(message->nlmsg_len));
  return static_cast<nlmsghdr*>(static_cast<void*>(end_of(message)));
}

// Attributes, reading -------------------------------------------------------------------------------------

std::uint16_t mnl_attr_get_type(const nlattr* attribute) {
  return attribute->nla_type & static_cast<std::uint16_t>(NLA_TYPE_MASK);
}

std::uint16_t mnl_attr_get_payload_len(const nlattr* attribute) {
  return static_cast<std::uint16_t>(attribute->nla_len - kAttributeHeader);
}

void* mnl_attr_get_payload(const nlattr* attribute) { return bytes(attribute) + kAttributeHeader; }

bool mnl_attr_ok(const nlattr* attribute, int left) {
  return left >= static_cast<int>(sizeof(nlattr)) && attribute->nla_len >= sizeof(nlattr) &&
         attribute->nla_len <= left;
}

nlattr* mnl_attr_next(const nlattr* attribute) {
  return attribute_at(bytes(attribute) + aligned(attribute->nla_len));
}

int mnl_attr_type_valid(const nlattr* attribute, std::uint16_t max) {
  return mnl_attr_get_type(attribute) > max ? invalid(EOPNOTSUPP) : 1;
}

int mnl_attr_validate(const nlattr* attribute, mnl_attr_data_type type) {
  const std::size_t size = mnl_attr_get_payload_len(attribute);
  if (number_size(type) != 0) return size == number_size(type) ? 0 : invalid(ERANGE);
  switch (type) {
    case MNL_TYPE_FLAG:
      return size > 0 ? invalid(ERANGE) : 0;
    case MNL_TYPE_NESTED:
      return size != 0 && size < kAttributeHeader ? invalid(ERANGE) : 0;
    case MNL_TYPE_STRING:
    case MNL_TYPE_NUL_STRING:
      return validate_string(attribute, type);
    default:
      return 0;
  }
}

int mnl_attr_parse(const nlmsghdr* message, unsigned int offset, mnl_attr_cb_t callback, void* data) {
  return parse(bytes(message) + kMessageHeader + aligned(offset), end_of(message), callback, data);
}

int mnl_attr_parse_nested(const nlattr* nest, mnl_attr_cb_t callback, void* data) {
  return parse(bytes(mnl_attr_get_payload(nest)), bytes(nest) + aligned(nest->nla_len), callback, data);
}

std::uint8_t mnl_attr_get_u8(const nlattr* attribute) { return value_of<std::uint8_t>(attribute); }
std::uint16_t mnl_attr_get_u16(const nlattr* attribute) { return value_of<std::uint16_t>(attribute); }
std::uint32_t mnl_attr_get_u32(const nlattr* attribute) { return value_of<std::uint32_t>(attribute); }
std::uint64_t mnl_attr_get_u64(const nlattr* attribute) { return value_of<std::uint64_t>(attribute); }

const char* mnl_attr_get_str(const nlattr* attribute) {
  return static_cast<const char*>(mnl_attr_get_payload(attribute));
}

// Attributes, writing -------------------------------------------------------------------------------------

void mnl_attr_put(nlmsghdr* message, std::uint16_t type, std::size_t size, const void* data) {
  nlattr* attribute = attribute_at(end_of(message));
  attribute->nla_type = type;
  attribute->nla_len = static_cast<std::uint16_t>(kAttributeHeader + size);
  char* payload = bytes(mnl_attr_get_payload(attribute));
  std::memcpy(payload, data, size);
  std::memset(payload + size, 0, aligned(size) - size);
  message->nlmsg_len += static_cast<std::uint32_t>(aligned(attribute->nla_len));
}

void mnl_attr_put_u8(nlmsghdr* message, std::uint16_t type, std::uint8_t value) {
  mnl_attr_put(message, type, sizeof(value), &value);
}

void mnl_attr_put_u16(nlmsghdr* message, std::uint16_t type, std::uint16_t value) {
  mnl_attr_put(message, type, sizeof(value), &value);
}

void mnl_attr_put_u32(nlmsghdr* message, std::uint16_t type, std::uint32_t value) {
  mnl_attr_put(message, type, sizeof(value), &value);
}

void mnl_attr_put_u64(nlmsghdr* message, std::uint16_t type, std::uint64_t value) {
  mnl_attr_put(message, type, sizeof(value), &value);
}

void mnl_attr_put_str(nlmsghdr* message, std::uint16_t type, const char* text) {
  mnl_attr_put(message, type, std::strlen(text), text);
}

void mnl_attr_put_strz(nlmsghdr* message, std::uint16_t type, const char* text) {
  mnl_attr_put(message, type, std::strlen(text) + 1, text);
}

nlattr* mnl_attr_nest_start(nlmsghdr* message, std::uint16_t type) {
  nlattr* nest = attribute_at(end_of(message));
  nest->nla_type = static_cast<std::uint16_t>(NLA_F_NESTED | type);
  message->nlmsg_len += kAttributeHeader;
  return nest;
}

void mnl_attr_nest_end(nlmsghdr* message, nlattr* nest) {
  nest->nla_len = static_cast<std::uint16_t>(end_of(message) - bytes(nest));
}

// Sockets -------------------------------------------------------------------------------------------------

mnl_socket* mnl_socket_open2(int bus, int flags) {
  auto opened = std::make_unique<mnl_socket>();
  opened->fd = socket(AF_NETLINK, SOCK_RAW | flags, bus);
  return opened->fd < 0 ? nullptr : opened.release();
}

int mnl_socket_bind(mnl_socket* socket, unsigned int groups, pid_t port) {
  socket->address = {
      .nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = static_cast<std::uint32_t>(port), .nl_groups = groups};
  auto* address = reinterpret_cast<sockaddr*>(&socket->address);
  socklen_t size = sizeof(socket->address);
  if (bind(socket->fd, address, size) < 0) return -1;
  return getsockname(socket->fd, address, &size);  // the port that the kernel chose
}

ssize_t mnl_socket_sendto(const mnl_socket* socket, const void* datagram, std::size_t size) {
  constexpr sockaddr_nl kKernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
  return sendto(socket->fd, datagram, size, 0, reinterpret_cast<const sockaddr*>(&kKernel), sizeof(kKernel));
}

int mnl_socket_setsockopt(const mnl_socket* socket, int option, void* value, socklen_t size) {
  return setsockopt(socket->fd, SOL_NETLINK, option, value, size);
}

int mnl_socket_get_fd(const mnl_socket* socket) { return socket->fd; }

unsigned int mnl_socket_get_portid(const mnl_socket* socket) { return socket->address.nl_pid; }

int mnl_socket_close(mnl_socket* socket) {
  const std::unique_ptr<mnl_socket> owned(socket);
  return close(owned->fd);
}

}  // extern "C"
