// Feeds the files of the given directories to a fuzz target, each whole and cut at every byte.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

/// From a heap block of exactly that size, so that AddressSanitizer sees a read past the end: a string has a
/// NUL and spare room behind what it holds.
void feed(const std::string& text, std::size_t size) {
  const auto exact = std::make_unique_for_overwrite<std::uint8_t[]>(size);
  std::copy_n(text.begin(), size, exact.get());
  LLVMFuzzerTestOneInput(exact.get(), size);
}

void replay(const std::string& text) {
  constexpr std::size_t kLongestToCut = 4096;
  feed(text, text.size());
  if (text.size() > kLongestToCut) return;
  for (std::size_t size = 0; size < text.size(); ++size) feed(text, size);
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      replay(std::string(std::istreambuf_iterator<char>(file), {}));
      ++files;
    }
  }
  std::printf("%zu seeds\n", files);
  return files == 0 ? 1 : 0;
}
