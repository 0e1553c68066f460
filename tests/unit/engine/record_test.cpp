#include "engine/attach/record.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "fairlead/file.hpp"

namespace fairlead::engine {
namespace {

Identity example_identity() { return *Identity::make("net", "c1", *LinkName::parse("eth0")); }

Record example_record() {
  Record record;
  record.header = {.version = kRecordVersion,
                   .network = "net",
                   .container_id = "c1",
                   .ifname = "eth0",
                   .netns_path = "/run/netns/c1",
                   .boot_id = "b",
                   .host_cookie = 1,
                   .container_cookie = 0xffffffffffffffffULL};
  Section section{.key = "bridge:0123", .plugin = "bridge", .phase = Phase::kDone};
  section.addresses.addresses = {
      {.address = *IfaceAddress::parse("10.1.2.3/24"), .gateway = *IpAddress::parse("10.1.2.1")},
      {.address = *IfaceAddress::parse("2001:db8::3/64")}};
  section.addresses.routes = {{.destination = *IpNetwork::parse("0.0.0.0/0"),
                               .gateway = *IpAddress::parse("10.1.2.1"),
                               .mtu = 1400,
                               .advmss = 1360,
                               .priority = 10,
                               .table = 100,
                               .scope = 0}};
  const LinkName bridge = *LinkName::parse("cni0");
  section.undo = {
      Op{.side = Side::kHost,
         .action = RemoveElement{{.set = {nft::Family::kInet, "fairlead", "masq4"}, .key = {0, 255, 16}}}},
      Op{.side = Side::kHost, .action = DeleteLink{*LinkName::parse("vethabc")}},
      Op{.side = Side::kContainer, .action = DeleteLink{*LinkName::parse("eth0")}},
      Op{.side = Side::kHost, .action = RemoveAddress{bridge, *IfaceAddress::parse("10.1.2.1/24")}},
      Op{.side = Side::kHost, .action = AddAddress{bridge, {.address = *IfaceAddress::parse("10.0.0.1/8")}}},
      Op{.side = Side::kHost,
         .action = AddAddress{bridge,
                              {.address = *IfaceAddress::parse("10.9.0.1/24"),
                               .attributes = {.scope = 253,
                                              .label = "cni0:old",
                                              .peer = *IpAddress::parse("10.9.0.2"),
                                              .broadcast = *IpAddress::parse("10.9.0.255"),
                                              .lifetime = AddressLifetime{.valid = 7200, .preferred = 3600},
                                              .no_prefix_route = true}}}},
      Op{.side = Side::kHost,
         .action = SetSysctl{.key = "net/ipv4/conf/cni0/forwarding", .value = "0", .previous = {}}}};
  record.sections = {section};
  return record;
}

TEST(Record, WhatIsWrittenIsReadBack) {
  const Record record = example_record();
  const Result<Record> back = parse_record(serialize_record(record));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->header, record.header);
  EXPECT_EQ(back->sections, record.sections);
}

TEST(Record, EveryPrefixIsARecordOrAnError) {
  const std::string text = serialize_record(example_record());
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    EXPECT_FALSE(parse_record(text.substr(0, length))) << length;
  }
  EXPECT_TRUE(parse_record(text));
}

TEST(Record, FieldsOfAnotherVersionSurviveARewrite) {
  std::string text = serialize_record(example_record());
  const std::string key = "\"key\":\"bridge:0123\"";
  text.insert(text.find(key), "\"colour\":\"blue\",");
  text.insert(1, "\"weight\":7,");
  Result<Record> record = parse_record(text);
  ASSERT_TRUE(record) << record.error().to_string();
  record->sections[0].phase = Phase::kIntent;
  const std::string again = serialize_record(*record);
  EXPECT_NE(again.find("\"colour\":\"blue\""), std::string::npos) << again;
  EXPECT_NE(again.find("\"weight\":7"), std::string::npos) << again;
  EXPECT_NE(again.find("\"phase\":\"intent\""), std::string::npos) << again;
}

TEST(Record, ANewerVersionIsReadForItsUndoListOnly) {
  Record record = example_record();
  record.header.version = kRecordVersion + 1;
  std::string text = serialize_record(record);
  const std::string known = "\"address\":\"10.1.2.3/24\"";
  text.replace(text.find(known), known.size(), "\"address\":{\"v\":4}");
  const Result<Record> back = parse_record(text);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->sections[0].undo, record.sections[0].undo);
}

TEST(Record, ASectionOfANewerVersionSurvivesTheRemovalOfItsNeighbour) {
  Record record = example_record();
  record.header.version = kRecordVersion + 1;
  record.sections.push_back({.key = "portmap:1", .plugin = "portmap"});
  std::string text = serialize_record(record);
  const std::string known = "\"address\":\"10.1.2.3/24\"";
  text.replace(text.find(known), known.size(), "\"address\":{\"v\":4}");
  Record back = *parse_record(text);
  std::erase_if(back.sections, [](const Section& section) { return section.plugin == "portmap"; });
  const std::string again = serialize_record(back);
  EXPECT_NE(again.find("\"address\":{\"v\":4}"), std::string::npos) << again;
  EXPECT_EQ(again.find("portmap"), std::string::npos);
}

// DEL and GC work on any version: what they know of its undo list they do, the rest they name.
TEST(Record, AnOperationThatIsNotKnownIsNamedAndSurvivesARewrite) {
  for (const int version : {kRecordVersion, kRecordVersion + 1}) {
    Record record = example_record();
    record.header.version = version;
    record.sections.push_back({.key = "portmap:1", .plugin = "portmap"});
    std::string text = serialize_record(record);
    text.insert(text.find("{\"family\""), R"({"op":"remove-rule","side":"host","handle":7},)");
    Result<Record> back = parse_record(text);
    ASSERT_TRUE(back) << back.error().to_string();
    EXPECT_EQ(back->sections[0].undo, record.sections[0].undo) << version;
    EXPECT_EQ(back->sections[0].unknown_undo, std::vector<std::string>{"op 'remove-rule'"});
    std::erase_if(back->sections, [](const Section& section) { return section.plugin == "portmap"; });
    EXPECT_NE(serialize_record(*back).find("\"handle\":7"), std::string::npos) << version;
  }
}

TEST(Record, AnOperationThatANewerVersionSaysDifferentlyIsNamedToo) {
  Record record = example_record();
  record.header.version = kRecordVersion + 1;
  std::string text = serialize_record(record);
  const std::string known = "\"family\":\"inet\"";
  text.replace(text.find(known), known.size(), "\"family\":\"netdev\"");
  const Result<Record> back = parse_record(text);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->sections[0].undo.size(), record.sections[0].undo.size() - 1);
  ASSERT_EQ(back->sections[0].unknown_undo.size(), 1U);
  EXPECT_NE(back->sections[0].unknown_undo[0].find("netdev"), std::string::npos);
}

TEST(Record, MalformedContentIsAnErrorThatNamesThePlace) {
  const std::string good = serialize_record(example_record());
  const auto replaced = [&](const std::string& what, const std::string& with) {
    std::string text = good;
    EXPECT_NE(text.find(what), std::string::npos) << what;
    return text.replace(text.find(what), what.size(), with);
  };
  for (const std::string& bad :
       {std::string("[]"), std::string("{}"), std::string("null"),
        replaced("\"version\":1", "\"version\":\"1\""),
        replaced("\"link\":\"vethabc\"", "\"link\":\"../etc\""),
        replaced("\"key\":\"00ff10\"", "\"key\":\"zz\""), replaced("\"op\":\"delete-link\"", "\"op\":7"),
        replaced("net/ipv4/conf/cni0/forwarding", "net/../kernel/core_pattern"),
        replaced("\"sections\":[", "\"sections\":{\"a\":[") + "}"}) {
    const Result<Record> record = parse_record(bad);
    ASSERT_FALSE(record) << bad;
    EXPECT_EQ(record.error().code, Errc::kInvalid);
    EXPECT_FALSE(record.error().what.empty());
  }
}

TEST(Record, ASectionIsFoundByItsKeyElseTheNewestOfItsType) {
  Record record;
  record.sections = {{.key = "bridge:1", .plugin = "bridge"},
                     {.key = "bridge:2", .plugin = "bridge"},
                     {.key = "portmap:1", .plugin = "portmap"}};
  EXPECT_EQ(find_section(record, "bridge:1", "bridge")->key, "bridge:1");
  EXPECT_EQ(find_section(record, "bridge:9", "bridge")->key, "bridge:2");
  EXPECT_EQ(find_section(record, "tuning:1", "tuning"), nullptr);
}

class RecordStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "fairlead-record-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    run_dir_ = pattern;
    file_ = run_dir_ + "/attachments/net/" + identity_.key_hex();
  }
  void TearDown() override { std::filesystem::remove_all(run_dir_); }
  const Identity identity_ = example_identity();
  std::string run_dir_;
  std::string file_;
};

TEST_F(RecordStoreTest, SaveLoadListAndRemove) {
  const RecordStore store(run_dir_);
  EXPECT_FALSE(store.load(identity_)->has_value());
  ASSERT_TRUE(store.save(identity_, example_record()));
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  Record record = **store.load(identity_);
  EXPECT_EQ((*store.look(identity_))->header, record.header);
  EXPECT_EQ(store.list("net", nullptr)->size(), 1U);
  EXPECT_EQ(store.list("", nullptr)->size(), 1U);
  EXPECT_EQ(store.list("other", nullptr)->size(), 0U);
  ASSERT_TRUE(store.drop_section(identity_, record, "bridge:0123"));
  EXPECT_FALSE(std::filesystem::exists(file_));
  EXPECT_FALSE(store.look(identity_)->has_value());
  EXPECT_TRUE(store.remove(identity_));
}

TEST_F(RecordStoreTest, TheFileStaysUntilItsLastSectionIsDropped) {
  const RecordStore store(run_dir_);
  Record record = example_record();
  record.sections.push_back({.key = "portmap:1", .plugin = "portmap"});
  ASSERT_TRUE(store.save(identity_, record));
  ASSERT_TRUE(store.drop_section(identity_, record, "bridge:0123"));
  ASSERT_TRUE(store.load(identity_)->has_value());
  EXPECT_EQ((*store.load(identity_))->sections.size(), 1U);
}

TEST_F(RecordStoreTest, TheLastCompleteLineCounts) {
  const RecordStore store(run_dir_);
  Record record = example_record();
  ASSERT_TRUE(store.save(identity_, record));
  record.sections[0].phase = Phase::kIntent;
  ASSERT_TRUE(store.save(identity_, record));
  EXPECT_EQ((**store.load(identity_)).sections[0].phase, Phase::kIntent);
  EXPECT_EQ(store.list("net", nullptr)->at(0).sections[0].phase, Phase::kIntent);
  // Whatever is left of a third line when its writer is killed.
  const std::string content = **read_file(file_);
  const std::string third = serialize_record(example_record());
  for (std::size_t length = 1; length < third.size(); length += 7) {
    ASSERT_TRUE(replace_file(file_, content + third.substr(0, length), 0600));
    EXPECT_EQ((**store.load(identity_)).sections[0].phase, Phase::kIntent) << length;
  }
  ASSERT_TRUE(store.save(identity_, example_record()));
  EXPECT_EQ(**read_file(file_), content + third);
}

TEST_F(RecordStoreTest, AFileWithoutALineIsNothingAndGoes) {
  ASSERT_TRUE(replace_file(file_, "{\"half", 0600));
  const RecordStore store(run_dir_);
  std::vector<RecordStore::Unreadable> problems;
  EXPECT_TRUE(store.list("net", &problems)->empty());
  EXPECT_EQ(problems.size(), 1U);  // for GC, which removes it
  EXPECT_EQ(store.look(identity_).error().code, Errc::kIo);
  EXPECT_TRUE(std::filesystem::exists(file_)) << "its writer may be at work";
  EXPECT_FALSE(store.load(identity_)->has_value());
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(RecordStoreTest, AnUnreadableRecordIsReportedAndDoesNotHideTheOthers) {
  const RecordStore store(run_dir_);
  ASSERT_TRUE(store.save(identity_, example_record()));
  ASSERT_TRUE(replace_file(run_dir_ + "/attachments/net/" + std::string(32, 'a'), "rubbish", 0600));
  std::vector<RecordStore::Unreadable> problems;
  EXPECT_EQ(store.list("net", &problems)->size(), 1U);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].error.what.find("aaaa"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::engine
