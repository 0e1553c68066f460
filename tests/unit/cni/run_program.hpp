// Runs a program with a chosen environment, standard input and standard output.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "fairlead/unique_fd.hpp"

namespace fairlead::cni {

/// A directory that goes with the test.
class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = testing::TempDir() + "fairlead-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + '/' + name; }
  [[nodiscard]] const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(file(name)) << text; }
  void write_executable(const std::string& name, const std::string& text) const {
    write(name, text);
    std::filesystem::permissions(file(name), std::filesystem::perms::owner_all);
  }
  /// Empty if the file is not there.
  [[nodiscard]] std::string read(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(file(name)).rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

struct Program {
  std::string file;
  std::map<std::string, std::string> environment{};  ///< all of it
  std::string input{};
  int input_fd = -1;          ///< instead of `input`
  int output_fd = -1;         ///< standard output; -1: it is returned
  bool close_output = false;  ///< start without a standard output
};

struct Ran {
  int exit_code = -1;  ///< -1: killed by a signal
  std::string out{};
  std::string err{};
};

inline UniqueFd memory_file(const std::string& text) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

inline std::string content_of(const UniqueFd& fd) {
  std::string text(static_cast<std::size_t>(::lseek(fd.get(), 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(fd.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

inline Ran run_program(const Program& program) {
  const UniqueFd input = memory_file(program.input);
  const UniqueFd output = memory_file({});
  const UniqueFd errors = memory_file({});
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, program.input_fd < 0 ? input.get() : program.input_fd, 0);
  ::posix_spawn_file_actions_adddup2(&actions, program.output_fd < 0 ? output.get() : program.output_fd, 1);
  if (program.close_output) ::posix_spawn_file_actions_addclose(&actions, 1);
  ::posix_spawn_file_actions_adddup2(&actions, errors.get(), 2);

  std::vector<std::string> entries;
  for (const auto& [name, value] : program.environment) entries.push_back(name + '=' + value);
  std::vector<char*> environment;
  for (std::string& entry : entries) environment.push_back(entry.data());
  environment.push_back(nullptr);
  std::string file = program.file;
  std::array<char*, 2> arguments{file.data(), nullptr};

  Ran ran;
  pid_t pid = -1;
  const int fault =
      ::posix_spawn(&pid, file.c_str(), &actions, nullptr, arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(fault, 0) << file;
  if (fault != 0) return ran;
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  ran.out = content_of(output);
  ran.err = content_of(errors);
  return ran;
}

}  // namespace fairlead::cni
