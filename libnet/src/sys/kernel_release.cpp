#include "sys/kernel_release.hpp"

#include <sys/utsname.h>

#include <charconv>
#include <utility>

namespace fairlead::sys {

bool release_at_least(std::string_view release, unsigned major, unsigned minor) {
  std::pair<unsigned, unsigned> have{};
  const char* const end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, have.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return false;
  if (std::from_chars(first.ptr + 1, end, have.second).ec != std::errc()) return false;
  return have >= std::pair(major, minor);
}

bool echoes_new_links() {
  static const bool echoes = [] {
    utsname names{};
    return uname(&names) == 0 && release_at_least(names.release, 6, 2);
  }();
  return echoes;
}

}  // namespace fairlead::sys
