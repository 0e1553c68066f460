// Replies, byte for byte as Linux 6.18 sends them, and what becomes of malformed ones.
#include "nft/reply.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "firewall/masquerade.hpp"
#include "firewall/tables.hpp"
#include "nft/encode.hpp"
#include "tests/unit/nft/hex.hpp"

namespace fairlead::nft {
namespace {

Element masquerade(const std::string& comment) {
  return firewall::masquerade_elements(*LinkName::parse("br0"),
                                       std::vector{*IfaceAddress::parse("10.1.2.3/24")}, comment)[0];
}

TEST(NftReply, NamesTheAttributeAtAnOffset) {
  const Command command{.kind = Command::Kind::kAddElement, .op = 0, .element = masquerade("c")};
  Transaction transaction;
  encode_command(command, 0, 1, &transaction);
  const nlmsghdr* message = transaction.buffer.message(0);
  EXPECT_EQ(attribute_path(message, 20), "NFTA_SET_ELEM_LIST_TABLE");
  EXPECT_EQ(attribute_path(message, 36), "NFTA_SET_ELEM_LIST_SET");
  EXPECT_EQ(attribute_path(message, 48), "NFTA_SET_ELEM_LIST_ELEMENTS");
  EXPECT_EQ(attribute_path(message, 52), "NFTA_SET_ELEM_LIST_ELEMENTS.NFTA_LIST_ELEM");
  EXPECT_EQ(attribute_path(message, 56), "NFTA_SET_ELEM_LIST_ELEMENTS.NFTA_LIST_ELEM.NFTA_SET_ELEM_KEY");
  EXPECT_EQ(attribute_path(message, 60),
            "NFTA_SET_ELEM_LIST_ELEMENTS.NFTA_LIST_ELEM.NFTA_SET_ELEM_KEY.NFTA_DATA_VALUE");
  for (const std::uint32_t nowhere : {0U, 16U, 21U, 61U, 66U, 4096U, 0xffffffffU}) {
    EXPECT_EQ(attribute_path(message, nowhere), "") << nowhere;
  }
}

// Recorded from Linux 6.18.44: answers to NFT_MSG_GETSETELEM and NFT_MSG_GETTABLE.
constexpr const char* kElementReply =
    "68000000 0c0a 0000 05000000 f62a0000  01000003"
    "0d000100 666169726c65616400 000000 0a000200 6d6173713400 0000"
    "38000300 34000100 1c000100 18000100 62723000000000000000000000000000 0a010203"
    "12000600 000c 68656c6c6f20776f726c6400 0000";
constexpr const char* kTableReply =
    "58000000 000a 0000 05000000 f62a0000  01000003"
    "0d000100 666169726c65616400 000000 08000300 0000000c 0c000400 0000000000000001 08000200 00000000"
    "18000600 0012 666169726c656164206c61796f7574203100";

TEST(NftReply, ATableDecodesToItsCommentAndUse) {
  auto bytes = from_hex(kTableReply);
  const auto reply = parse_table(reinterpret_cast<nlmsghdr*>(bytes.data()));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->comment, "fairlead layout 1");
  EXPECT_EQ(reply->use, 12U);
}

TEST(NftReply, AnElementDecodesToWhatWasEncoded) {
  auto bytes = from_hex(kElementReply);
  const auto elements =
      parse_elements(firewall::masquerade_set(IpFamily::kV4), reinterpret_cast<nlmsghdr*>(bytes.data()));
  ASSERT_TRUE(elements);
  EXPECT_EQ(*elements, std::vector{masquerade("hello world")});
}

// Of a dump (NFT_MSG_GETRULE), in table bridge nat: iifname "vethcb320b95" jump cni-br-iface-box-c1-eth0,
// with the comment of the reference's spoof check.
constexpr const char* kRuleReply =
    "08010000060a020801000000f80f000007000007"
    "080001006e6174000f000200505245524f5554494e4700000c0003000000000000000004"
    "b000040024000100090001006d6574610000000014000200080002000000000608000100000000013800010008000100"
    "636d70002c00020008000100000000010800020000000000180003001400010076657468636233323062393500000000"
    "500001000e000100696d6d6564696174650000003c0002000800010000000000300002002c00020008000100fffffffd"
    "1d000200636e692d62722d69666163652d626f782d63312d65746830000000001e00070000186d616373706f6f666368"
    "6b2d626f782d63312d65746830000000";

TEST(NftReply, ARuleDecodesToItsHandleItsJumpAndItsComment) {
  auto bytes = from_hex(kRuleReply);
  const auto rule = parse_rule(reinterpret_cast<nlmsghdr*>(bytes.data()));
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->handle, 4U);
  EXPECT_EQ(rule->chain, "PREROUTING");
  EXPECT_EQ(rule->jumps_to, "cni-br-iface-box-c1-eth0");
  EXPECT_EQ(rule->comment, "macspoofchk-box-c1-eth0");
}

TEST(NftReply, EveryPrefixOfARuleDecodesOrIsAnError) {
  const auto whole = from_hex(kRuleReply);
  for (std::size_t size = NLMSG_HDRLEN; size < whole.size(); ++size) {
    std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    cut.shrink_to_fit();
    auto* header = reinterpret_cast<nlmsghdr*>(cut.data());
    header->nlmsg_len = static_cast<std::uint32_t>(size);
    const auto rule = parse_rule(header);
    EXPECT_FALSE(rule && (rule->handle != 4 || (!rule->jumps_to.empty() && rule->jumps_to.size() != 24) ||
                          (!rule->chain.empty() && rule->chain != "PREROUTING")))
        << size;
  }
}

TEST(NftReply, EveryPrefixAndEveryWrongLengthDecodesWithoutReadingPastTheEnd) {
  const auto whole = from_hex(kElementReply);
  for (std::size_t size = NLMSG_HDRLEN; size <= whole.size(); ++size) {
    // A heap block of exactly that size, so that ASan sees a read past it.
    std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    cut.shrink_to_fit();
    auto* header = reinterpret_cast<nlmsghdr*>(cut.data());
    header->nlmsg_len = static_cast<std::uint32_t>(size);
    for (std::size_t at = NLMSG_HDRLEN; at <= size; ++at) {
      const auto elements = parse_elements(firewall::masquerade_set(IpFamily::kV4), header);
      // What is cut off inside the list is an error, not a list without the element.
      EXPECT_FALSE(at == NLMSG_HDRLEN && size > 48 && size < whole.size() - 2 && elements) << size;
      static_cast<void>(parse_table(header));
      static_cast<void>(parse_chain_use(header));
      static_cast<void>(attribute_path(header, static_cast<std::uint32_t>(at)));
      if (at < size) cut[at] ^= 0xff;
    }
  }
}

TEST(NftReply, MalformedUserDataIsNoComment) {
  auto bytes = from_hex(kElementReply);
  const std::size_t length_at = bytes.size() - 2 - 12 - 1;  // the TLV's own length
  ASSERT_EQ(bytes[length_at], 12);
  bytes[length_at] = 200;
  const auto elements =
      parse_elements(firewall::masquerade_set(IpFamily::kV4), reinterpret_cast<nlmsghdr*>(bytes.data()));
  ASSERT_TRUE(elements);
  ASSERT_EQ(elements->size(), 1U);
  EXPECT_EQ(elements->at(0).comment, "");
}

TEST(NftReply, ALengthThatIsWrongIsAnErrorAndNotTheEnd) {
  // A dump whose second element does not fit: the first alone would look like the whole set.
  auto bytes = from_hex(kElementReply);
  bytes[48] = 0x60;  // NFTA_SET_ELEM_LIST_ELEMENTS runs past the message
  const auto elements =
      parse_elements(firewall::masquerade_set(IpFamily::kV4), reinterpret_cast<nlmsghdr*>(bytes.data()));
  ASSERT_FALSE(elements);
  EXPECT_EQ(elements.error().code, Errc::kIo);
  EXPECT_EQ(elements.error().what, "malformed netlink message: an attribute of nf_tables runs past its end");
  bytes = from_hex(kTableReply);
  bytes[20] = 3;  // shorter than its own header
  EXPECT_FALSE(parse_table(reinterpret_cast<nlmsghdr*>(bytes.data())));
  EXPECT_FALSE(parse_generation(reinterpret_cast<nlmsghdr*>(bytes.data())));
}

/// An NLMSG_ERROR, cut by CAP_ACK, with NLMSGERR_ATTR_MSG "no" and NLMSGERR_ATTR_OFFS 24.
Ack ack_of(std::int32_t error, std::size_t size = 52) {
  auto bytes = from_hex(
      "34000000 0200 0003 07000000 00000000  00000000 68000000 0c0a 0104 07000000 00000000"
      "07000100 6e6f0000 08000200 18000000");
  std::memcpy(bytes.data() + NLMSG_HDRLEN, &error, sizeof error);
  bytes.resize(size);
  bytes.shrink_to_fit();
  auto* header = reinterpret_cast<nlmsghdr*>(bytes.data());
  header->nlmsg_len = static_cast<std::uint32_t>(size);
  return parse_ack(header);
}

TEST(NftAck, CarriesTheErrnoTheTextAndTheOffset) {
  const Ack ack = ack_of(-EINVAL);
  EXPECT_EQ(ack.seq, 7U);
  EXPECT_EQ(ack.err, EINVAL);
  EXPECT_EQ(ack.message, "no");
  EXPECT_EQ(ack.offset, 24U);
  EXPECT_EQ(ack_of(0).err, 0);
}

TEST(NftAck, ANumberThatIsNoErrnoIsMalformed) {
  for (const std::int32_t error : {INT_MIN, 1, INT_MAX}) {
    EXPECT_EQ(ack_of(error).err, EPROTO) << error;
    EXPECT_EQ(ack_of(error).message, "malformed netlink error") << error;
  }
}

TEST(NftAck, EveryPrefixIsReadToItsEndAndNoFurther) {
  for (std::size_t size = NLMSG_HDRLEN; size < 52; ++size) {
    EXPECT_EQ(ack_of(-EINVAL, size).err, size < 36 ? EPROTO : EINVAL) << size;
  }
}

TEST(NftError, WhatNoModuleProvidesIsUnsupported) {
  const TableSpec table{
      .name = "t",
      .chains = {{.name = "c", .type = ChainType::kNat, .hook = Hook::kPostrouting}},
      .rules = {{"c", {Lookup{.load = {PayloadLoad{PayloadField::kThDport}}, .set = "s"}, Masquerade{}}}}};
  const Command command{.kind = Command::Kind::kCreateTable, .op = 0, .table = &table};
  Transaction transaction;
  encode_command(command, 0, 1, &transaction);
  const auto errors = [&](std::size_t index) {
    const nlmsghdr* request = transaction.buffer.message(index);
    std::vector<Errc> codes;
    for (std::uint32_t at = NLMSG_HDRLEN + 4; at < request->nlmsg_len; at += 4) {
      const Error error = error_of({.seq = 1, .err = ENOENT, .message = {}, .offset = at}, "op", request);
      if (error.kernel->attribute.empty()) continue;
      codes.push_back(error.code);
      EXPECT_EQ(error.remedy.empty(), error.code == Errc::kNotFound) << error.to_string();
    }
    return codes;
  };
  const auto unsupported = [](const std::vector<Errc>& codes) {
    return std::count(codes.begin(), codes.end(), Errc::kUnsupported);
  };
  EXPECT_EQ(unsupported(errors(0)), 0);  // the table
  EXPECT_EQ(unsupported(errors(1)), 1);  // NFTA_CHAIN_TYPE
  EXPECT_EQ(unsupported(errors(2)), 2);  // the payload and the masquerade; a lookup's ENOENT is its set's
}

}  // namespace
}  // namespace fairlead::nft
