list(APPEND FAIRLEAD_NET_SOURCES
  src/kernel/address_codec.cpp
  src/kernel/await_addresses.cpp
  src/kernel/await_operational.cpp
  src/kernel/delete_link.cpp
  src/kernel/link_bridge.cpp
  src/kernel/link_codec.cpp
  src/kernel/link_veth.cpp
  src/kernel/netlink_kernel.cpp
  src/kernel/news.cpp
  src/kernel/op_error.cpp
  src/kernel/route_codec.cpp
  src/kernel/rtnl_group.cpp
  src/kernel/rtnl_namespace.cpp)
