#include "cli/output.hpp"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "plugins/cni/result_json.hpp"
#include "plugins/cni/standard_streams.hpp"

namespace fairlead::cli {
namespace {

/// There is no other place to say that this failed.
void print_error_text(const std::string& text) {
  static_cast<void>(cni::write_whole(STDERR_FILENO, text, "standard error"));
}

/// Told in every specification version, and without an attachment's version at hand.
constexpr cni::SpecVersion kErrorVersion{1, 1, 0};

}  // namespace

int print(std::string_view text) {
  const auto written = cni::write_whole(STDOUT_FILENO, text, "standard output");
  if (written) return kOk;
  print_note("fairlead: " + written.error().what);
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
  print_error_text(text);
  return kFailure;
}

void print_note(const std::string& text) { print_error_text(text + "\n"); }

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
