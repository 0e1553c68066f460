// Feeds the files of the given directories to a fuzz target, each whole and cut at every byte.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void replay(const std::string& text) {
  constexpr std::size_t kLongestToCut = 4096;
  const auto feed = [](const std::string& input) {
    // A copy of exactly that size, so that AddressSanitizer sees a read past the end.
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  };
  feed(text);
  if (text.size() > kLongestToCut) return;
  for (std::size_t length = 0; length < text.size(); ++length) {
    feed(std::string(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length)));
  }
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
