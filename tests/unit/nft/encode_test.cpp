// The bytes of messages, byte for byte those that nft 1.0.6 sends.
#include "nft/encode.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "firewall/masquerade.hpp"
#include "firewall/tables.hpp"
#include "tests/unit/nft/hex.hpp"

namespace fairlead::nft {
namespace {

std::vector<std::uint8_t> bytes_of(const MessageBuffer& buffer) {
  const auto bytes = buffer.bytes();
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {data, data + bytes.size()};
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

TEST(NftText, TheInetTableIsTheGoldenOne) {
  std::ifstream file(FAIRLEAD_GOLDEN_DIR "/nft/inet-fairlead.nft");
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(to_text(firewall::inet_table()), golden.str());
}

}  // namespace
}  // namespace fairlead::nft
