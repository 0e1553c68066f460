#include "cli/observe/observe.hpp"
#include "engine/attach/record.hpp"

namespace fairlead::cli {
namespace {

AttachmentView view_of(const engine::Record& record) {
  AttachmentView view{.network = record.header.network,
                      .container_id = record.header.container_id,
                      .ifname = record.header.ifname,
                      .netns_path = record.header.netns_path};
  for (const auto& section : record.sections) {
    AttachedPlugin plugin{.plugin = section.plugin, .done = section.phase == engine::Phase::kDone};
    for (const auto& address : section.addresses.addresses) {
      plugin.addresses.push_back(address.address.to_string());
    }
    view.plugins.push_back(std::move(plugin));
  }
  return view;
}

}  // namespace

Result<std::vector<AttachmentView>> recorded_attachments(const std::string& run_dir,
                                                         std::vector<Error>& problems) {
  std::vector<engine::RecordStore::Unreadable> unreadable;
  FAIRLEAD_TRY(const auto records, engine::RecordStore(run_dir).list("", &unreadable));
  for (auto& one : unreadable) problems.push_back(std::move(one.error));
  std::vector<AttachmentView> views;
  views.reserve(records.size());
  for (const auto& record : records) views.push_back(view_of(record));
  return views;
}

}  // namespace fairlead::cli
