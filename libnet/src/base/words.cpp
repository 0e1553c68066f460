#include "base/words.hpp"

#include <algorithm>

namespace fairlead {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

/// Takes the first word off `text`.
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kSpace));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

bool same_words(std::string_view a, std::string_view b) {
  for (;;) {
    const std::string_view word = next_word(a);
    if (word != next_word(b)) return false;
    if (word.empty()) return true;
  }
}

}  // namespace fairlead
