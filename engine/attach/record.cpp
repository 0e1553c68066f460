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

constexpr std::string_view kUnfinished = ".tmp";  // replace_file()

}  // namespace

std::string RecordStore::path(const std::string& network, const AttachmentKey& key) const {
  return run_dir_ + "/attachments/" + network + "/" + to_hex(key);
}

Result<std::optional<Record>> RecordStore::load(const Identity& identity) const {
  return load(identity.network(), identity.key());
}

Result<std::optional<Record>> RecordStore::load(const std::string& network, const AttachmentKey& key) const {
  const std::string file = path(network, key);
  FAIRLEAD_TRY(std::optional<std::string> text, read_file(file));
  if (!text) {
    // A writer that died before its first rename leaves only this.
    remove_unfinished(network, key);
    return std::optional<Record>();
  }
  Result<Record> record = parse_record(*text);
  if (!record) {
    return Unexpected(std::move(record)
                          .error()
                          .with_context("read attachment record " + file)
                          .with_remedy("remove the file: DEL then works from derived names"));
  }
  return std::optional(*std::move(record));
}

Result<void> RecordStore::save(const Identity& identity, const Record& record) const {
  Result<void> written =
      replace_file(path(identity.network(), identity.key()), serialize_record(record), kRecordMode);
  if (!written) {
    return Unexpected(std::move(written)
                          .error()
                          .with_context("write the attachment record of " + identity.path())
                          .with_remedy("the run directory must be writable and have free space"));
  }
  return {};
}

Result<void> RecordStore::remove(const Identity& identity) const {
  remove_unfinished(identity.network(), identity.key());
  Result<void> removed = remove_file(path(identity.network(), identity.key()));
  if (!removed && removed.error().code == Errc::kNotFound) return {};
  return removed;
}

Result<std::vector<Record>> RecordStore::list(const std::string& network,
                                              std::vector<Error>* problems) const {
  const std::string base = run_dir_ + "/attachments";
  std::vector<std::string> networks{network};
  if (network.empty()) {
    FAIRLEAD_TRY(networks, names_in(base));
  }
  std::vector<Record> records;
  for (const std::string& folder : networks) {
    FAIRLEAD_TRY(const std::vector<std::string> names, names_in(base + "/" + folder));
    for (const std::string& name : names) {
      if (!parse_key(name)) continue;
      const std::string file = base + "/" + folder + "/" + name;
      auto text = read_file(file);
      if (text && !text->has_value()) continue;  // gone since we listed the directory
      Result<Record> record =
          text ? parse_record(**text) : Result<Record>(Unexpected(std::move(text).error()));
      if (record) {
        records.push_back(*std::move(record));
      } else if (problems != nullptr) {
        problems->push_back(std::move(record).error().with_context("read attachment record " + file));
      }
    }
  }
  return records;
}

Result<std::vector<AttachmentKey>> RecordStore::unfinished(const std::string& network) const {
  std::vector<AttachmentKey> keys;
  FAIRLEAD_TRY(const std::vector<std::string> names, names_in(run_dir_ + "/attachments/" + network));
  for (const std::string& name : names) {
    if (!name.ends_with(kUnfinished)) continue;
    const auto key = parse_key(std::string_view(name).substr(0, name.size() - kUnfinished.size()));
    if (key) keys.push_back(*key);
  }
  return keys;
}

void RecordStore::remove_unfinished(const std::string& network, const AttachmentKey& key) const {
  unlink((path(network, key) + std::string(kUnfinished)).c_str());
}

Result<void> RecordStore::drop_section(const Identity& identity, Record& record,
                                       const std::string& key) const {
  std::erase_if(record.sections, [&](const Section& section) { return section.key == key; });
  return record.sections.empty() ? remove(identity) : save(identity, record);
}

}  // namespace fairlead::engine
