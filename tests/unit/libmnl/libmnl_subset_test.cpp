// Our part of libmnl's interface against the real library, which is loaded at run time: the same calls with
// the same arguments give the same bytes and the same answers.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

namespace fairlead {
namespace {

/// The libmnl.so.0 of the system; the names without a prefix are those of the subset, linked into this test.
void* real_library() {
  static void* const library = dlopen("libmnl.so.0", RTLD_NOW | RTLD_LOCAL);
  return library;
}

template <typename Function>
Function* real(Function* /*signature*/, const char* name) {
  auto* function = reinterpret_cast<Function*>(dlsym(real_library(), name));
  if (function == nullptr) throw std::runtime_error(std::string("libmnl.so.0 has no ") + name);
  return function;
}
#define REAL(name) real(name, #name)

using Buffer = std::array<char, 512>;

nlmsghdr* message_of(Buffer& buffer) { return reinterpret_cast<nlmsghdr*>(buffer.data()); }

TEST(LibmnlSubset, IsWhatThisTestCalls) {
  ASSERT_NE(real_library(), nullptr) << dlerror();
  EXPECT_NE(mnl_nlmsg_put_header, REAL(mnl_nlmsg_put_header));
}

/// Everything that writes, once. Into zeros: libmnl before 1.0.5 leaves the padding behind an attribute as it
/// is.
#define WRITE_WITH(IMPLEMENTATION, buffer, random)                                        \
  do {                                                                                    \
    (buffer).fill('\0');                                                                  \
    nlmsghdr* message = IMPLEMENTATION(mnl_nlmsg_put_header)((buffer).data());            \
    IMPLEMENTATION(mnl_nlmsg_put_extra_header)(message, (random)() % 21);                 \
    std::array<char, 40> data{};                                                          \
    for (char& byte : data) byte = static_cast<char>('a' + (random)() % 26);              \
    data.back() = '\0';                                                                   \
    const char* text = data.data() + (random)() % 40;                                     \
    IMPLEMENTATION(mnl_attr_put)(message, 1, (random)() % 40, data.data());               \
    nlattr* outer = IMPLEMENTATION(mnl_attr_nest_start)(message, 2);                      \
    IMPLEMENTATION(mnl_attr_put_u8)(message, 3, static_cast<std::uint8_t>((random)()));   \
    IMPLEMENTATION(mnl_attr_put_u16)(message, 4, static_cast<std::uint16_t>((random)())); \
    nlattr* inner = IMPLEMENTATION(mnl_attr_nest_start)(message, 5);                      \
    IMPLEMENTATION(mnl_attr_put_u32)(message, 6, static_cast<std::uint32_t>((random)())); \
    IMPLEMENTATION(mnl_attr_put_u64)(message, 7, (random)());                             \
    IMPLEMENTATION(mnl_attr_nest_end)(message, inner);                                    \
    IMPLEMENTATION(mnl_attr_put_str)(message, 8, text);                                   \
    IMPLEMENTATION(mnl_attr_nest_end)(message, outer);                                    \
    IMPLEMENTATION(mnl_attr_put_strz)(message, 9, text);                                  \
  } while (false)
#define OURS(name) (name)

TEST(LibmnlSubset, WritesTheSameBytes) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Buffer ours;
    Buffer theirs;
    std::mt19937_64 random(seed);
    WRITE_WITH(OURS, ours, random);
    random.seed(seed);
    WRITE_WITH(REAL, theirs, random);
    for (std::size_t i = 0; i < ours.size(); ++i)
      ASSERT_EQ(ours[i], theirs[i]) << "seed " << seed << ", byte " << i;
  }
}

/// What a callback asks about each attribute, of one implementation.
struct Reader {
  decltype(&mnl_attr_get_type) type;
  decltype(&mnl_attr_get_payload_len) payload_len;
  decltype(&mnl_attr_type_valid) type_valid;
  decltype(&mnl_attr_validate) validate;
};
#define READER_OF(IMPLEMENTATION)                                                \
  Reader {                                                                       \
    IMPLEMENTATION(mnl_attr_get_type), IMPLEMENTATION(mnl_attr_get_payload_len), \
        IMPLEMENTATION(mnl_attr_type_valid), IMPLEMENTATION(mnl_attr_validate)   \
  }

struct Seen {
  Reader reader;
  std::size_t stop_after = 0;
  std::vector<std::vector<long>> attributes{};
};

int visit(const nlattr* attribute, void* data) {
  auto& seen = *static_cast<Seen*>(data);
  std::vector<long> facts{seen.reader.type(attribute), seen.reader.payload_len(attribute), attribute->nla_len,
                          seen.reader.type_valid(attribute, 7)};
  for (int type = MNL_TYPE_UNSPEC; type <= MNL_TYPE_NESTED_COMPAT; ++type) {
    errno = 0;
    facts.push_back(seen.reader.validate(attribute, static_cast<mnl_attr_data_type>(type)));
    facts.push_back(errno);
  }
  seen.attributes.push_back(facts);
  return seen.attributes.size() == seen.stop_after ? MNL_CB_STOP : MNL_CB_OK;
}

TEST(LibmnlSubset, ReadsTheSameFromWellFormedAndFromMutilatedMessages) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937_64 random(seed);
    Buffer buffer;
    WRITE_WITH(OURS, buffer, random);
    // A changed byte behind the message's own header: lengths and types of attributes, or payload.
    const std::uint32_t size = message_of(buffer)->nlmsg_len;
    if (seed % 2 != 0)
      buffer[MNL_NLMSG_HDRLEN + random() % (size - MNL_NLMSG_HDRLEN)] = static_cast<char>(random());
    const auto offset = static_cast<unsigned>(random() % 21);
    Seen ours{.reader = READER_OF(OURS), .stop_after = random() % 4};
    Seen theirs{.reader = READER_OF(REAL), .stop_after = ours.stop_after};
    ASSERT_EQ(mnl_attr_parse(message_of(buffer), offset, visit, &ours),
              REAL(mnl_attr_parse)(message_of(buffer), offset, visit, &theirs));
    ASSERT_EQ(ours.attributes, theirs.attributes) << "seed " << seed;
    const auto* nest = static_cast<const nlattr*>(mnl_nlmsg_get_payload(message_of(buffer)));
    if (!mnl_attr_ok(nest, static_cast<int>(size - MNL_NLMSG_HDRLEN))) continue;
    ASSERT_EQ(mnl_attr_parse_nested(nest, visit, &ours), REAL(mnl_attr_parse_nested)(nest, visit, &theirs));
    ASSERT_EQ(ours.attributes, theirs.attributes) << "seed " << seed;
  }
}

TEST(LibmnlSubset, ReadsTheSameValues) {
  alignas(8) Buffer buffer;
  std::mt19937_64 random(1);
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  mnl_attr_put_u64(message, 1, random());
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload(message));
  EXPECT_EQ(mnl_attr_get_u8(attribute), REAL(mnl_attr_get_u8)(attribute));
  EXPECT_EQ(mnl_attr_get_u16(attribute), REAL(mnl_attr_get_u16)(attribute));
  EXPECT_EQ(mnl_attr_get_u32(attribute), REAL(mnl_attr_get_u32)(attribute));
  EXPECT_EQ(mnl_attr_get_u64(attribute), REAL(mnl_attr_get_u64)(attribute));
  EXPECT_EQ(mnl_attr_get_str(attribute), REAL(mnl_attr_get_str)(attribute));
  EXPECT_EQ(mnl_attr_get_payload(attribute), REAL(mnl_attr_get_payload)(attribute));
  EXPECT_EQ(mnl_attr_next(attribute), REAL(mnl_attr_next)(attribute));
  EXPECT_EQ(mnl_nlmsg_get_payload(message), REAL(mnl_nlmsg_get_payload)(message));
  EXPECT_EQ(mnl_nlmsg_get_payload_len(message), REAL(mnl_nlmsg_get_payload_len)(message));
}

TEST(LibmnlSubset, AgreesWhereAMessageEnds) {
  Buffer endless{};
  message_of(endless)->nlmsg_len = 0xffffffffU;
  EXPECT_FALSE(mnl_nlmsg_ok(message_of(endless), 100));  // which the original takes for -1
  for (const std::uint32_t length : {0U, 1U, 15U, 16U, 17U, 20U, 100U, 0x7fffffffU}) {
    for (const int left : {-1, 0, 15, 16, 17, 20, 64, 100}) {
      Buffer buffer{};
      message_of(buffer)->nlmsg_len = length;
      ASSERT_EQ(mnl_nlmsg_ok(message_of(buffer), left), REAL(mnl_nlmsg_ok)(message_of(buffer), left))
          << length << " of " << left;
      if (!mnl_nlmsg_ok(message_of(buffer), left)) continue;
      int ours = left;
      int theirs = left;
      EXPECT_EQ(mnl_nlmsg_next(message_of(buffer), &ours), REAL(mnl_nlmsg_next)(message_of(buffer), &theirs));
      EXPECT_EQ(ours, theirs);
    }
  }
}

TEST(LibmnlSubset, OpensBindsAndSendsOnASocket) {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  ASSERT_NE(socket, nullptr) << std::strerror(errno);
  ASSERT_EQ(mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID), 0) << std::strerror(errno);
  EXPECT_NE(mnl_socket_get_portid(socket), 0U);
  int on = 1;
  EXPECT_EQ(mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on)), 0);
  Buffer buffer;
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = NLMSG_NOOP;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  EXPECT_EQ(mnl_socket_sendto(socket, message, message->nlmsg_len), static_cast<ssize_t>(message->nlmsg_len));
  EXPECT_GT(recv(mnl_socket_get_fd(socket), buffer.data(), buffer.size(), 0), 0);
  EXPECT_EQ(message_of(buffer)->nlmsg_type, NLMSG_ERROR);  // which is an acknowledgement
  const int fd = mnl_socket_get_fd(socket);
  EXPECT_EQ(mnl_socket_close(socket), 0);
  EXPECT_EQ(close(fd), -1);
  EXPECT_EQ(mnl_socket_open2(9999, SOCK_CLOEXEC), nullptr);
}

}  // namespace
}  // namespace fairlead
