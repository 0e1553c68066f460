// fairlead_conformance_runner DIR: does this directory of CNI plugins do what it has to?
// Options, exit codes and the cases: docs/conformance.md.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/conformance/report.hpp"
#include "tests/conformance/runner.hpp"

namespace fairlead::conformance {
namespace {

constexpr const char* kUsage =
    "usage: fairlead_conformance_runner DIR [options]\n"
    "  --ipam own            take IPAM delegates from DIR (default)\n"
    "  --ipam foreign DIR2   take them from DIR2; runs only the cases that delegate\n"
    "  --only ID[,ID...]     run these cases (B19 includes B19.route)\n"
    "  --version-matrix      run each case for every specification version it is meant for\n"
    "  --expect-failures F   cases known to fail for DIR; one that passes fails the run\n"
    "  --complete            a missing plugin is wrong usage, not a reason to skip its cases\n"
    "  --no-skip             a skipped case fails the run\n"
    "  --may-skip V[,V...]   one skipped for another version than these does\n"
    "  --jobs N              cases at a time (default 2)\n"
    "  --json F, --markdown F   reports besides the one on standard output\n"
    "  --list                print the cases and stop\n"
    "exit code: 0 as expected, 1 not, 2 wrong usage or environment\n";

struct Options {
  Setup setup{};
  Selection selection{};
  std::string json{};
  std::string markdown{};
  std::string expected{};
  bool complete = false;
  MaySkip may_skip{};
  bool list = false;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const auto comma = std::min(text.find(',', start), text.size());
    if (comma > start) parts.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return parts;
}

std::string real_directory(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) fail("no such directory: " + path);
  std::string result = resolved;
  std::free(resolved);  // NOLINT(cppcoreguidelines-no-malloc): realpath(3) allocates it
  return result;
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  std::size_t at = 0;
  const auto value = [&]() -> const std::string& {
    if (++at >= words.size()) fail(words.back() + " needs a value");
    return words[at];
  };
  for (; at < words.size(); ++at) {
    const auto& word = words[at];
    if (word == "--ipam") {
      const auto& source = value();
      if (source == "foreign")
        options.setup.foreign_ipam_dir = real_directory(value());
      else if (source != "own")
        fail("--ipam is own or foreign DIR");
    } else if (word == "--only") {
      for (auto& id : split(value())) options.selection.only.push_back(std::move(id));
    } else if (word == "--version-matrix") {
      options.selection.version_matrix = true;
    } else if (word == "--jobs") {
      options.selection.jobs = static_cast<unsigned>(std::strtoul(value().c_str(), nullptr, 10));
      if (options.selection.jobs == 0) fail("--jobs needs a number above 0");
    } else if (word == "--expect-failures") {
      options.expected = value();
    } else if (word == "--json") {
      options.json = value();
    } else if (word == "--markdown") {
      options.markdown = value();
    } else if (word == "--complete") {
      options.complete = true;
    } else if (word == "--no-skip") {
      options.may_skip.emplace();
    } else if (word == "--may-skip") {
      options.may_skip = split(value());
    } else if (word == "--list") {
      options.list = true;
    } else if (word.starts_with("-") || !options.setup.plugin_dir.empty()) {
      fail("unknown argument " + word);
    } else {
      options.setup.plugin_dir = real_directory(word);
    }
  }
  return options;
}

int list_cases(const Options& options) {
  for (const auto& test : all_cases()) {
    if (selected(test, options.selection.only)) std::printf("%-16s  %s\n", test.id, test.title);
  }
  return 0;
}

int run_suite(Options& options) {
  if (options.setup.plugin_dir.empty()) fail("no plugin directory given");
  const auto expected = options.expected.empty() ? std::vector<Expected>{} : read_expected(options.expected);
  options.setup.present = plugins_in(options.setup.plugin_dir);
  const auto wanted = options.complete ? std::size(kPlugins) : 1;
  if (options.setup.present.size() < wanted) {
    fail(options.setup.plugin_dir + " lacks plugins: the cases need bridge, host-local, static, loopback");
  }
  enter_user_namespace();
  auto outcomes = run_cases(options.setup, spoken_versions(options.setup), options.selection);
  apply_expected(outcomes, expected);
  std::fputs(text_report(outcomes).c_str(), stdout);
  if (!options.json.empty()) write_file(options.json, json_report(outcomes));
  if (!options.markdown.empty()) write_file(options.markdown, markdown_report(outcomes, expected));
  return exit_code(outcomes, options.may_skip);
}

}  // namespace
}  // namespace fairlead::conformance

int main(int argc, char** argv) {
  using namespace fairlead::conformance;
  try {
    auto options = parse({argv + 1, argv + argc});
    return options.list ? list_cases(options) : run_suite(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fairlead_conformance_runner: %s\n%s", error.what(), kUsage);
    return 2;
  }
}
