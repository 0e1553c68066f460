// The times that the kernel gives files, and its clock for them.
#pragma once

#include <chrono>
#include <string>

#include "fairlead/result.hpp"

namespace fairlead {

/// CLOCK_REALTIME.
using FileTime = std::chrono::sys_time<std::chrono::nanoseconds>;

/// What a file that is written at this moment would get: the time of the last tick, not that of the clock
/// (ktime_get_coarse_real_ts64_mg(), kernel/time/timekeeping.c). So a file that is older than this was there
/// before, and one that is not may have come since.
[[nodiscard]] FileTime file_time_now();

/// When the content was written last. kNotFound if there is no such file.
[[nodiscard]] Result<FileTime> written_at(const std::string& path);

}  // namespace fairlead
