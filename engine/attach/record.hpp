// Attachment records: the only truth about what exists. `<run>/attachments/<network>/<K>`, 0600, lines of
// JSON of which the last complete one counts: an ADD writes three, and a line costs a sixth of a file that
// is written aside and renamed.
//
// Constraints that the format has to meet:
//  - a reader of any version can tear down: the `undo` list of a section is a list of plain removals whose
//    form never changes;
//  - a writer of an older version keeps what it does not know (unknown fields and sections survive);
//  - a kill at any instruction, and a full disk, leave the old or the new content (append_line()).
// No fsync: the run directory does not outlive a crash of the host, nor do containers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/attach/identity.hpp"
#include "engine/drivers/driver.hpp"
#include "fairlead/file_time.hpp"

namespace fairlead::engine {

/// Version of the format. A newer one is torn down by its undo list, as far as it is known; ADD and CHECK
/// refuse it.
inline constexpr int kRecordVersion = 1;

enum class Phase : std::uint8_t {
  kIntent,  ///< work has begun: with a free lock these are the remains of a crash
  kDone,
};

/// One plugin's part of an attachment.
struct Section {
  std::string key;     ///< plugin type + ":" + digest of its configuration
  std::string plugin;  ///< plugin type
  Phase phase = Phase::kIntent;
  AddressPlan addresses{};                  ///< what IPAM gave, as the driver completed it
  Plan undo{};                              ///< removals, in the order in which they are to run
  std::vector<std::string> unknown_undo{};  ///< those that this build cannot carry out: "op 'x'"
  bool operator==(const Section&) const = default;
};

/// Everything that does not belong to one plugin.
struct RecordHeader {
  int version = kRecordVersion;
  std::string network{};
  std::string container_id{};
  std::string ifname{};
  std::string netns_path{};
  std::string boot_id{};
  std::uint64_t host_cookie = 0;       ///< SO_NETNS_COOKIE of the host's namespace
  std::uint64_t container_cookie = 0;  ///< 0: not known yet
  bool operator==(const RecordHeader&) const = default;
};

struct RecordDocument;  // the JSON document the record was read from

struct Record {
  RecordHeader header{};
  std::vector<Section> sections{};
  std::shared_ptr<const RecordDocument> document{};  ///< source of unknown fields; empty for a new record
};

/// JSON to record. kInvalid (with the path of the key) for anything that is not a record.
[[nodiscard]] Result<Record> parse_record(const std::string& text);
[[nodiscard]] std::string serialize_record(const Record& record);

/// The section with this key, else the newest one of this plugin type (the configuration may have changed
/// since), else nothing. No two plugins of a type that makes a link can share an attachment, whose interface
/// both would have to be.
[[nodiscard]] Section* find_section(Record& record, const std::string& key, const std::string& plugin);

/// The directory of records. Callers hold the attachment's lock for everything but look() and list().
class RecordStore {
 public:
  explicit RecordStore(std::string run_dir) : run_dir_(std::move(run_dir)) {}

  /// The record, or nothing. A file without a line is what a writer left that was killed before its first:
  /// it is removed, and is nothing.
  [[nodiscard]] Result<std::optional<Record>> load(const Identity& identity) const;
  [[nodiscard]] Result<std::optional<Record>> load(const std::string& network,
                                                   const AttachmentKey& key) const;
  /// The record as it is at this moment, or nothing. kIo if it has no line yet.
  [[nodiscard]] Result<std::optional<Record>> look(const Identity& identity) const;
  /// When it was written last. kNotFound if there is none.
  [[nodiscard]] Result<FileTime> written_at(const std::string& network, const AttachmentKey& key) const;
  /// Whether there is a record with that key, of whichever network; true if that cannot be found out.
  [[nodiscard]] bool exists(const AttachmentKey& key) const;
  /// Writes it; directories are made when missing. A failure leaves the old content.
  [[nodiscard]] Result<void> save(const Identity& identity, const Record& record) const;
  /// Removes it; kNotFound is success.
  [[nodiscard]] Result<void> remove(const Identity& identity) const;
  [[nodiscard]] Result<void> remove(const std::string& network, const AttachmentKey& key) const;
  /// A record that cannot be read: its key is all that is known of the attachment.
  struct Unreadable {
    std::string network;
    AttachmentKey key{};
    Error error{};
  };
  /// Records of one network, or of all for an empty name.
  [[nodiscard]] Result<std::vector<Record>> list(const std::string& network,
                                                 std::vector<Unreadable>* unreadable) const;

  /// Makes a section disappear: writes the rest, or removes the file with the last section.
  [[nodiscard]] Result<void> drop_section(const Identity& identity, Record& record,
                                          const std::string& key) const;

  [[nodiscard]] const std::string& run_dir() const { return run_dir_; }

 private:
  [[nodiscard]] std::string path(const std::string& network, const AttachmentKey& key) const;
  std::string run_dir_;
};

}  // namespace fairlead::engine
