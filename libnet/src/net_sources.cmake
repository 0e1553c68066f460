# The core is one library; each part adds its files to FAIRLEAD_NET_SOURCES.
set(FAIRLEAD_NET_SOURCES)
include(src/nl/sources.cmake)      # messages, attributes, transport
include(src/kernel/sources.cmake)  # NetlinkKernel
include(src/nft/sources.cmake)     # nftables transactions
include(src/plan/sources.cmake)    # op, observe, diff, apply
include(src/sys/sources.cmake)     # namespaces, sysctls, asynchronous delete
fairlead_libnet_part(net 1 SOURCES ${FAIRLEAD_NET_SOURCES}
  DEPENDS base
  LIBRARIES Threads::Threads
  PRIVATE_LIBRARIES PkgConfig::MNL)
# libnftnl.a is not position-independent: executables link it statically, shared libraries may not.
target_link_libraries(fairlead_net PUBLIC -l:libnftnl.a PkgConfig::MNL)
