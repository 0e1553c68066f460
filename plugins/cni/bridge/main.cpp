#include "plugins/cni/bridge/bridge.hpp"
#include "plugins/cni/host_local/host_local.hpp"
#include "plugins/cni/static_ipam/static_ipam.hpp"

int main() {
  using namespace fairlead::cni;
  return run(bridge_plugin(), {&host_local_plugin(), &static_plugin()});
}
