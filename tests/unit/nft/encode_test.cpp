// The bytes of messages and of replies, byte for byte those that nft 1.0.6 and Linux 6.18 exchange.
#include "nft/encode.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "firewall/masquerade.hpp"
#include "firewall/tables.hpp"
#include "nft/reply.hpp"

namespace fairlead::nft {
namespace {

std::vector<std::uint8_t> bytes_of(const MessageBuffer& buffer) {
  const auto bytes = buffer.bytes();
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {data, data + bytes.size()};
}

std::vector<std::uint8_t> from_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  std::string digits;
  for (const char c : text) {
    if (c == ' ' || c == '\n') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

Element masquerade(const std::string& comment) {
  return firewall::masquerade_elements(*LinkName::parse("br0"),
                                       std::vector{*IfaceAddress::parse("10.1.2.3/24")}, comment)[0];
}

TEST(NftEncode, AddsAnElementAsNftDoes) {
  const Command command{.kind = Command::Kind::kAddElement, .op = 0, .element = masquerade("hello world")};
  Transaction transaction;
  encode_command(command, 0, 1, &transaction);
  EXPECT_EQ(bytes_of(transaction.buffer),
            from_hex("68000000 0c0a 0104 01000000 00000000  01000000"
                     "0d000100 666169726c65616400 000000"                           // table fairlead
                     "0a000200 6d6173713400 0000"                                   // set masq4
                     "38000380 34000180"                                            // elements, element
                     "1c000180 18000100 62723000000000000000000000000000 0a010203"  // key
                     "12000600 000c 68656c6c6f20776f726c6400 0000"));               // comment
  EXPECT_EQ(describe(transaction.infos.at(0)), "add element to set masq4 of table inet fairlead");
}

TEST(NftEncode, RemovesAnElementByItsKeyAlone) {
  const Command command{.kind = Command::Kind::kRemoveElement, .op = 0, .element = masquerade("hello world")};
  Transaction transaction;
  encode_command(command, 0, 7, &transaction);
  EXPECT_EQ(bytes_of(transaction.buffer),
            from_hex("54000000 0e0a 0100 07000000 00000000  01000000"
                     "0d000100 666169726c65616400 000000 0a000200 6d6173713400 0000"
                     "24000380 20000180 1c000180"
                     "18000100 62723000000000000000000000000000 0a010203"));
  EXPECT_EQ(describe(transaction.infos.at(0)), "remove element from set masq4 of table inet fairlead");
}

TEST(NftEncode, CreatesTheTableExclusivelyAndNumbersItsMessages) {
  const TableSpec table = firewall::inet_table();
  const Command command{.kind = Command::Kind::kCreateTable, .op = 0, .table = &table};
  Transaction transaction;
  encode_command(command, 0, 10, &transaction);
  ASSERT_EQ(transaction.infos.size(), 1 + table.sets.size() + table.chains.size() + table.rules.size());
  for (std::size_t i = 0; i < transaction.infos.size(); ++i) {
    const nlmsghdr* message = transaction.buffer.message(i);
    EXPECT_EQ(message->nlmsg_seq, 10 + i);
    EXPECT_EQ((message->nlmsg_flags & NLM_F_EXCL) != 0, i == 0);
  }
  EXPECT_EQ(describe(transaction.infos.front()), "create table inet fairlead");
  EXPECT_EQ(describe(transaction.infos.back()), "add rule to chain postrouting of table inet fairlead");
}

TEST(NftEncode, ABatchThatDependsOnTheGenerationSaysSo) {
  MessageBuffer plain, dependent;
  begin_batch(0, 1, &plain);
  begin_batch(0x1234, 1, &dependent);
  EXPECT_EQ(bytes_of(plain), from_hex("14000000 1000 0100 01000000 00000000 0000000a"));
  EXPECT_EQ(bytes_of(dependent), from_hex("1c000000 1000 0100 01000000 00000000 0000000a 08000100 00001234"));
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
  EXPECT_EQ(elements, std::vector{masquerade("hello world")});
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
      static_cast<void>(parse_elements(firewall::masquerade_set(IpFamily::kV4), header));
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
  ASSERT_EQ(elements.size(), 1U);
  EXPECT_EQ(elements[0].comment, "");
}

TEST(NftText, TheInetTableIsTheGoldenOne) {
  std::ifstream file(FAIRLEAD_GOLDEN_DIR "/nft/inet-fairlead.nft");
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(to_text(firewall::inet_table()), golden.str());
}

}  // namespace
}  // namespace fairlead::nft
