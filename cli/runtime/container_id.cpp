#include "cli/runtime/container_id.hpp"

#include <sha512.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <span>

#include "fairlead/digest.hpp"

namespace fairlead::cli {

std::string netns_path(const std::string& argument) {
  namespace fs = std::filesystem;
  if (argument.empty()) return {};
  if (argument.find('/') != std::string::npos) {
    std::error_code ignored;
    std::string path = fs::absolute(argument, ignored).lexically_normal().string();
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
  }
  std::string named = "/run/netns/" + argument;
  std::error_code ignored;
  const bool is_number =
      std::all_of(argument.begin(), argument.end(), [](unsigned char c) { return std::isdigit(c); });
  if (is_number && !fs::exists(named, ignored)) return "/proc/" + argument + "/ns/net";
  return named;
}

std::string default_container_id(std::string_view netns_path) {
  constexpr std::size_t kBytes = 10;
  std::array<std::uint8_t, SHA512_DIGEST_LENGTH> digest{};
  SHA2_CTX context;
  SHA512Init(&context);
  SHA512Update(&context, reinterpret_cast<const std::uint8_t*>(netns_path.data()), netns_path.size());
  SHA512Final(digest.data(), &context);
  return "cnitool-" + to_hex(std::span(digest).first(kBytes));
}

}  // namespace fairlead::cli
