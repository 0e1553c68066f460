// The running kernel as the oracle of the attribute tables: each attribute is sent with a wrong length, and
// the kernel's answer names the attribute (NLMSGERR_ATTR_OFFS) and the type that its policy wants
// (NLMSGERR_ATTR_POLICY, Linux 5.8), which has to be ours. Attributes without a policy that answers stand
// on a closed list, which is the same on Linux 6.18 and on Debian 12's 6.1 (ctest vm.netns_net).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "fairlead/kernel.hpp"
#include "nl/encoder.hpp"
#include "nl/format.hpp"
#include "nl/inet_attrs.hpp"
#include "nl/link_attrs.hpp"
#include "nl/reader.hpp"
#include "nl/transport.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/ops.hpp"

namespace fairlead::nl {
namespace {

using test::on_host;

struct ExtAck {
  static constexpr std::uint16_t kMax = NLMSGERR_ATTR_POLICY;
  static constexpr Attr<ExtAck, NLMSGERR_ATTR_OFFS, std::uint32_t> offset{"NLMSGERR_ATTR_OFFS"};
  static constexpr Attr<ExtAck, NLMSGERR_ATTR_POLICY, Octets> policy{"NLMSGERR_ATTR_POLICY"};
};
struct Policy {
  static constexpr std::uint16_t kMax = NL_POLICY_TYPE_ATTR_TYPE;
  static constexpr Attr<Policy, NL_POLICY_TYPE_ATTR_TYPE, std::uint32_t> type{"NL_POLICY_TYPE_ATTR_TYPE"};
};

/// What the kernel said about an attribute: its path and the type in its policy (NL_ATTR_TYPE_*).
struct Answer {
  std::string path;
  std::uint32_t type = NL_ATTR_TYPE_INVALID;
};

using Fill = std::function<void(MessageBytes&)>;

/// Writes `fill` inside the nests of `numbers`, outermost first.
void write_inside(MessageBytes& message, std::span<const std::uint16_t> numbers, const Fill& fill) {
  if (numbers.empty()) return fill(message);
  const std::size_t opened = message.open(static_cast<std::uint16_t>(numbers.front() | NLA_F_NESTED));
  if (numbers.front() == IFLA_LINKINFO && numbers.size() > 1 && numbers[1] == IFLA_INFO_DATA)
    message.attr(IFLA_INFO_KIND, "", std::as_bytes(std::span("bridge")));
  write_inside(message, numbers.subspan(1), fill);
  message.close(opened, "");
}

class AttrOracle : public test::NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    auto kernel = *open_kernel(&container(), Logger());
    LinkSpec port = test::veth_spec("port0", "eth0");
    port.master = test::name_of("br0");
    for (const auto& outcome :
         kernel->apply(std::vector{on_host(CreateLink{test::bridge_spec("br0")}), on_host(CreateLink{port})}))
      ASSERT_EQ(outcome.status, OpStatus::kDone);
    transport_ = *open_rtnetlink();
  }

  /// Sends a request whose attributes are written by `fill`, and reads the kernel's answer.
  template <class Header>
  Answer ask(std::uint16_t type, int flags, const Header& header, const Fill& fill) {
    std::vector<std::byte> request;
    MessageBytes message(request);
    message.append_struct(
        nlmsghdr{.nlmsg_len = 0,
                 .nlmsg_type = type,
                 .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags),
                 .nlmsg_seq = 1,
                 .nlmsg_pid = 0});
    message.append_struct(header);
    fill(message);
    const auto size = static_cast<std::uint32_t>(request.size());
    std::memcpy(request.data(), &size, sizeof(size));
    EXPECT_TRUE(transport_->send(request));
    return read_answer(request);
  }

  Answer read_answer(ByteView request) {
    std::vector<std::byte> buffer(kReceiveBuffer);
    const auto size = transport_->receive(buffer);
    if (!size) return {};
    MessageWalk walk(ByteView(buffer).first(*size));
    const auto message = walk.next();
    Answer answer;
    if (!message || (message->header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return answer;
    AttrReader<ExtAck> attrs(message->payload.subspan(sizeof(nlmsgerr)));
    if (const auto offset = attrs.get(ExtAck::offset)) answer.path = attribute_path(request, *offset);
    if (const auto policy = attrs.get(ExtAck::policy))
      answer.type = AttrReader<Policy>(*policy).get(Policy::type).value_or(NL_ATTR_TYPE_INVALID);
    return answer;
  }

  static bool agrees(const AttrInfo& info, std::uint32_t type) {
    switch (info.form) {
      case AttrKind::kText:
        // IFLA_IFALIAS is binary in the policy, so that an empty one can take an alias away.
        return type == NL_ATTR_TYPE_STRING || type == NL_ATTR_TYPE_NUL_STRING || type == NL_ATTR_TYPE_BINARY;
      case AttrKind::kNest:
        return type == NL_ATTR_TYPE_NESTED;
      case AttrKind::kOctets:
      case AttrKind::kAddress:
        return type == NL_ATTR_TYPE_BINARY || type == NL_ATTR_TYPE_U32;  // an IPv4 address is a number there
      case AttrKind::kSigned:
        return type == NL_ATTR_TYPE_S32 && info.size == 4;
      default:
        break;
    }
    const std::map<std::uint32_t, std::size_t> sizes{
        {NL_ATTR_TYPE_U8, 1}, {NL_ATTR_TYPE_U16, 2}, {NL_ATTR_TYPE_U32, 4}, {NL_ATTR_TYPE_U64, 8}};
    const auto found = sizes.find(type);
    return found != sizes.end() && found->second == info.size;
  }

  /// Too long for text and bytes, too short for a nest to hold an attribute, empty for everything else.
  static std::size_t wrong_size(AttrKind form) {
    if (form == AttrKind::kText || form == AttrKind::kOctets) return 600;
    return form == AttrKind::kNest ? 1 : 0;
  }

  /// Every attribute of `table`, inside `nests`, agrees with the kernel or is one of `silent`.
  template <class Header>
  void expect_agreement(const AttrTable& table, std::uint16_t type, int flags, const Header& header,
                        const std::string& path, std::vector<std::uint16_t> nests, const Fill& context,
                        const std::set<std::string>& silent) {
    std::set<std::string> unanswered;
    for (const AttrInfo& info : table.attrs) {
      const std::vector<std::byte> wrong(wrong_size(info.form), std::byte{'x'});
      const Answer answer = ask(type, flags, header, [&](MessageBytes& message) {
        context(message);
        write_inside(message, nests, [&](MessageBytes& inner) { inner.attr(info.type, info.name, wrong); });
      });
      if (answer.type == NL_ATTR_TYPE_INVALID) {
        unanswered.insert(info.name);
        continue;
      }
      EXPECT_EQ(answer.path, path + info.name);
      EXPECT_TRUE(agrees(info, answer.type))
          << info.name << " is of type " << answer.type << " in the kernel";
    }
    EXPECT_EQ(unanswered, silent);
  }

  static void name_new_link(MessageBytes& message) {
    message.attr(IFLA_IFNAME, "", std::as_bytes(std::span("oracle0")));
  }
  static void name_port(MessageBytes& message) {
    message.attr(IFLA_IFNAME, "", std::as_bytes(std::span("port0")));
  }
  std::unique_ptr<Transport> transport_;
};

constexpr int kCreate = NLM_F_CREATE | NLM_F_EXCL;

TEST_F(AttrOracle, AgreesAboutLinks) {
  expect_agreement(Link::table(), RTM_NEWLINK, kCreate, ifinfomsg{}, "", {}, name_new_link, {});
}

TEST_F(AttrOracle, AgreesAboutBridges) {
  expect_agreement(BridgeData::table(), RTM_NEWLINK, kCreate, ifinfomsg{}, "IFLA_LINKINFO.IFLA_INFO_DATA.",
                   {IFLA_LINKINFO, IFLA_INFO_DATA}, name_new_link, {});
}

TEST_F(AttrOracle, AgreesAboutBridgePorts) {
  expect_agreement(BridgePort::table(), RTM_NEWLINK, 0, ifinfomsg{}, "IFLA_LINKINFO.IFLA_INFO_SLAVE_DATA.",
                   {IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA}, name_port, {});
}

TEST_F(AttrOracle, AgreesAboutAddresses) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 24;
  header.ifa_index = 1;
  expect_agreement(Address::table(), RTM_NEWADDR, kCreate, header, "", {}, [](MessageBytes&) {},
                   {"IFA_CACHEINFO"});
}

TEST_F(AttrOracle, AgreesAboutRoutes) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  expect_agreement(Route::table(), RTM_NEWROUTE, kCreate, header, "", {}, [](MessageBytes&) {},
                   {"RTA_MULTIPATH", "RTA_VIA"});
}

}  // namespace
}  // namespace fairlead::nl
