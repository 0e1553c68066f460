// What commands print. Nothing is printed with iostreams; a full disk or a closed pipe is noticed.
#pragma once

#include <string>
#include <string_view>

#include "fairlead/result.hpp"

namespace fairlead::cli {

/// Exit codes of every command.
enum ExitCode : int {
  kOk = 0,
  kFailure = 1,  ///< the network or the kernel said no
  kUsage = 2,    ///< the command line is wrong
};

/// All of `text` to standard output; kFailure if it could not be written.
int print(std::string_view text);

/// "fairlead: what", then remedy and further errors on lines of their own, to standard error. With `json`
/// an error object of the CNI specification goes to standard output instead. Returns kFailure.
int print_error(const Error& error, bool json);

/// Notes for people, to standard error.
void print_note(const std::string& text);

enum class Style { kPlain, kBold, kGreen, kRed, kDim };
/// Whether standard output is a terminal that wants colours (NO_COLOR and TERM=dumb are respected).
[[nodiscard]] bool want_colour();
[[nodiscard]] std::string styled(std::string_view text, Style style, bool colour);

}  // namespace fairlead::cli
