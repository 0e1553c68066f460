// A user of the installed library: something of each part that has an object behind it, so that a library
// which the link line forgets is missed.
#include <cstdio>

#include "fairlead/digest.hpp"
#include "fairlead/file.hpp"
#include "fairlead/ip_address.hpp"
#include "fairlead/kernel.hpp"
#include "fairlead/netns.hpp"

int main() {
  auto address = fairlead::IfaceAddress::parse("192.0.2.1/24");
  auto wrong = fairlead::IpAddress::parse("192.0.2.256");
  auto here = fairlead::Netns::current();
  if (!address || wrong || !here) return 1;
  auto cookie = here->cookie();
  if (!cookie || *cookie == 0) return 1;
  auto kernel = fairlead::open_kernel(nullptr, fairlead::Logger{});
  if (!kernel || !(*kernel)->links(fairlead::Side::kHost)) return 1;
  const std::string digest = fairlead::to_hex(fairlead::sha256_of({"a", "b"}));
  if (digest.size() != 64 || fairlead::read_file("/nonexistent")->has_value()) return 1;
  std::printf("%s: %s\n", address->to_string().c_str(), wrong.error().to_string().c_str());
  return 0;
}
