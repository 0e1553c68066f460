#include "fairlead/file_time.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <ctime>

namespace fairlead {
namespace {

FileTime to_file_time(const timespec& time) {
  return FileTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

}  // namespace

FileTime file_time_now() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);  // fails for a clock that does not exist only
  return to_file_time(now);
}

Result<FileTime> written_at(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return Unexpected(error_from_errno(errno, "stat " + path));
  return to_file_time(status.st_mtim);
}

}  // namespace fairlead
