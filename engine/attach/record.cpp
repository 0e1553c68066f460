#include "engine/attach/record.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "fairlead/digest.hpp"
#include "fairlead/file.hpp"

namespace fairlead::engine {
namespace {

constexpr mode_t kRecordMode = 0600;

struct DirCloser {
  void operator()(DIR* dir) const { closedir(dir); }
};

/// Names in a directory without those that start with a dot; empty if it does not exist.
Result<std::vector<std::string>> names_in(const std::string& path) {
  std::unique_ptr<DIR, DirCloser> dir(opendir(path.c_str()));
  std::vector<std::string> names;
  if (!dir) {
    if (errno == ENOENT) return names;
    return Unexpected(error_from_errno(errno, "list " + path));
  }
  while (const dirent* entry = readdir(dir.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The record in the content of a file.
Result<Record> read_record(std::string_view content, const std::string& file) {
  const std::string_view line = last_line(content);
  Result<Record> record = line.empty() ? Result<Record>(Unexpected(Errc::kInvalid, "it has no complete line"))
                                       : parse_record(std::string(line));
  if (record) return record;
  Error error = std::move(record).error();
  error.code = Errc::kIo;  // whatever is wrong, it is not with what the caller said
  return Unexpected(std::move(error)
                        .with_context("read attachment record " + file)
                        .with_remedy("DEL and GC remove it and work from derived names"));
}

/// The record in a file, whoever may be writing it; nothing if there is none.
Result<std::optional<Record>> look_into(const std::string& file) {
  FAIRLEAD_TRY(const std::optional<std::string> text, read_file(file));
  if (!text) return std::optional<Record>();
  FAIRLEAD_TRY(Record record, read_record(*text, file));
  return std::optional(std::move(record));
}

}  // namespace

std::string RecordStore::path(const std::string& network, const AttachmentKey& key) const {
  return run_dir_ + "/attachments/" + network + "/" + to_hex(key);
}

Result<std::optional<Record>> RecordStore::load(const Identity& identity) const {
  return load(identity.network(), identity.key());
}

Result<std::optional<Record>> RecordStore::load(const std::string& network, const AttachmentKey& key) const {
  const std::string file = path(network, key);
  FAIRLEAD_TRY(const std::optional<std::string> text, read_file(file));
  if (!text) return std::optional<Record>();
  if (last_line(*text).empty()) {
    FAIRLEAD_CHECK(remove(network, key));
    return std::optional<Record>();
  }
  FAIRLEAD_TRY(Record record, read_record(*text, file));
  return std::optional(std::move(record));
}

Result<std::optional<Record>> RecordStore::look(const Identity& identity) const {
  return look_into(path(identity.network(), identity.key()));
}

Result<FileTime> RecordStore::written_at(const std::string& network, const AttachmentKey& key) const {
  return fairlead::written_at(path(network, key));
}

bool RecordStore::exists(const AttachmentKey& key) const {
  const auto networks = names_in(run_dir_ + "/attachments");
  return !networks || std::any_of(networks->begin(), networks->end(), [&](const std::string& network) {
    return access(path(network, key).c_str(), F_OK) == 0;
  });
}

Result<void> RecordStore::save(const Identity& identity, const Record& record) const {
  Result<void> written =
      append_line(path(identity.network(), identity.key()), serialize_record(record), kRecordMode);
  if (!written) {
    return Unexpected(std::move(written)
                          .error()
                          .with_context("write the attachment record of " + identity.path())
                          .with_remedy("the run directory must be writable and have free space"));
  }
  return {};
}

Result<void> RecordStore::remove(const Identity& identity) const {
  return remove(identity.network(), identity.key());
}

Result<void> RecordStore::remove(const std::string& network, const AttachmentKey& key) const {
  Result<void> removed = remove_file(path(network, key));
  if (!removed && removed.error().code == Errc::kNotFound) return {};
  return removed;
}

Result<std::vector<Record>> RecordStore::list(const std::string& network,
                                              std::vector<Unreadable>* unreadable) const {
  const std::string base = run_dir_ + "/attachments";
  std::vector<std::string> networks{network};
  if (network.empty()) {
    FAIRLEAD_TRY(networks, names_in(base));
  }
  std::vector<Record> records;
  for (const std::string& folder : networks) {
    FAIRLEAD_TRY(const std::vector<std::string> names, names_in(base + "/" + folder));
    for (const std::string& name : names) {
      const std::optional<AttachmentKey> key = parse_key(name);
      if (!key) continue;
      Result<std::optional<Record>> record = look_into(base + "/" + folder + "/" + name);
      if (record) {
        if (*record) records.push_back(**std::move(record));  // else gone since we listed the directory
      } else if (unreadable != nullptr) {
        unreadable->push_back({.network = folder, .key = *key, .error = std::move(record).error()});
      }
    }
  }
  return records;
}

Result<void> RecordStore::drop_section(const Identity& identity, Record& record,
                                       const std::string& key) const {
  std::erase_if(record.sections, [&](const Section& section) { return section.key == key; });
  return record.sections.empty() ? remove(identity) : save(identity, record);
}

}  // namespace fairlead::engine
