# list(APPEND FAIRLEAD_NET_SOURCES src/sys/...)
list(APPEND FAIRLEAD_NET_SOURCES src/sys/run_directory.cpp)
list(APPEND FAIRLEAD_NET_SOURCES
  src/sys/async_delete.cpp
  src/sys/deadline.cpp
  src/sys/kernel_release.cpp
  src/sys/legacy_iptables.cpp
  src/sys/netns.cpp
  src/sys/socket_cookie.cpp
  src/sys/sysctl.cpp)
