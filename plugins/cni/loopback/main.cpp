#include "plugins/cni/loopback/loopback.hpp"

int main() { return fairlead::cni::run(fairlead::cni::loopback_plugin()); }
