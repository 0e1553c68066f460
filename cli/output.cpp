#include "cli/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "plugins/cni/result_json.hpp"

namespace fairlead::cli {
namespace {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Told in every specification version, and without an attachment's version at hand.
constexpr cni::SpecVersion kErrorVersion{1, 1, 0};

}  // namespace

int print(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) return kOk;
  print_note(std::string("fairlead: write to standard output: ") + std::strerror(errno));
  return kFailure;
}

int print_error(const Error& error, bool json) {
  if (json) {
    (void)print(cni::encode_error(error, cni::code_of(error), kErrorVersion));
    return kFailure;
  }
  std::string text = "fairlead: " + error.what;
  if (error.protocol_code != 0) text += " (code " + std::to_string(error.protocol_code) + ")";
  text += "\n";
  if (!error.remedy.empty()) text += "  " + error.remedy + "\n";
  for (const auto& secondary : error.secondary) text += "  also: " + secondary.to_string() + "\n";
  (void)write_all(STDERR_FILENO, text);
  return kFailure;
}

void print_note(const std::string& text) { (void)write_all(STDERR_FILENO, text + "\n"); }

bool want_colour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  if (term == nullptr || std::strcmp(term, "dumb") == 0) return false;
  return isatty(STDOUT_FILENO) == 1;
}

std::string styled(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::kPlain) return std::string(text);
  const char* code = "0";
  switch (style) {
    case Style::kPlain:
      break;
    case Style::kBold:
      code = "1";
      break;
    case Style::kGreen:
      code = "32";
      break;
    case Style::kRed:
      code = "31";
      break;
    case Style::kDim:
      code = "2";
      break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace fairlead::cli
