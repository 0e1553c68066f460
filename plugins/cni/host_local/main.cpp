#include "plugins/cni/host_local/host_local.hpp"

int main() { return fairlead::cni::run(fairlead::cni::host_local_plugin()); }
