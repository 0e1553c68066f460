// Runs a program through `launch` and collects what it cost; medians, percentiles and text columns.
#pragma once

#include <string>
#include <vector>

namespace fairlead::bench {

/// A program to run once.
struct Command {
  std::vector<std::string> argv;           ///< argv[0] is the file's path
  std::vector<std::string> environment{};  ///< all of it, "NAME=value"
  std::string input{};                     ///< standard input, at most a pipe's 64 KiB
};

/// What one run cost, over the program and all its descendants; `wall_us` until the program's exit, or
/// until its standard output is closed if a descendant keeps that longer: a runtime waits for both.
struct Sample {
  double wall_us = 0;
  double cpu_us = 0;
  long max_rss_kb = 0;
  long syscalls = 0;  ///< counted only with Count::kSyscalls, whose times mean nothing
  std::string output{};
};

enum class Count { kTime, kSyscalls };

/// Sets the file of the `launch` program; the first call of all.
void set_launcher(const std::string& file);
/// Ends the whole benchmark with a message when the program fails: a number without the effect is none.
[[nodiscard]] Sample measure(const Command& command, Count count = Count::kTime);

/// Prints the message and ends the process with 1.
[[noreturn]] void die(const std::string& message);
/// die() with errno's text.
[[noreturn]] void die_errno(const std::string& operation);

/// Of several samples.
struct Summary {
  double median = 0;
  double p10 = 0;
  double p90 = 0;
};
[[nodiscard]] Summary summarize(std::vector<double> values);

/// printf into a string.
[[nodiscard]] std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

/// Prints rows with aligned columns; the first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows);

/// The directory that this executable is in.
[[nodiscard]] std::string own_directory();

}  // namespace fairlead::bench
