#include "plugins/cni/static_ipam/static_ipam.hpp"

int main() { return fairlead::cni::run(fairlead::cni::static_plugin()); }
