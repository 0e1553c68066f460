// A user of the installed library: values, an error, a namespace.
#include <cstdio>

#include "fairlead/ip_address.hpp"
#include "fairlead/netns.hpp"

int main() {
  auto address = fairlead::IfaceAddress::parse("192.0.2.1/24");
  auto wrong = fairlead::IpAddress::parse("192.0.2.256");
  auto here = fairlead::Netns::current();
  if (!address || wrong || !here) return 1;
  auto cookie = here->cookie();
  if (!cookie || *cookie == 0) return 1;
  std::printf("%s: %s\n", address->to_string().c_str(), wrong.error().to_string().c_str());
  return 0;
}
