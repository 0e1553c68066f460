# The core is one library; each part adds its files to FAIRLEAD_NET_SOURCES.
set(FAIRLEAD_NET_SOURCES)
include(src/nl/sources.cmake)      # messages, attributes, transport
include(src/kernel/sources.cmake)  # NetlinkKernel
include(src/nft/sources.cmake)     # nftables transactions
include(src/plan/sources.cmake)    # op, observe, diff, apply
include(src/sys/sources.cmake)     # namespaces, sysctls, asynchronous delete
fairlead_libnet_part(net 1 SOURCES ${FAIRLEAD_NET_SOURCES}
  DEPENDS base
  LIBRARIES Threads::Threads)

# Executables with the property FAIRLEAD_STATIC are linked without any shared library. Where the system has
# no libmnl.a (Debian 12) the part of its interface that we and libnftnl.a call takes its place.
find_library(FAIRLEAD_LIBMNL_ARCHIVE libmnl.a)
mark_as_advanced(FAIRLEAD_LIBMNL_ARCHIVE)
if(FAIRLEAD_LIBMNL_ARCHIVE)
  add_library(fairlead_libmnl INTERFACE)
  target_link_libraries(fairlead_libmnl INTERFACE ${FAIRLEAD_LIBMNL_ARCHIVE})
else()
  add_library(fairlead_libmnl STATIC "${CMAKE_CURRENT_SOURCE_DIR}/src/mnl/libmnl_subset.cpp")
  target_link_libraries(fairlead_libmnl PRIVATE fairlead_options)
endif()

# libnftnl.a is not position-independent: executables link it statically, shared libraries may not.
set(static "$<BOOL:$<TARGET_PROPERTY:FAIRLEAD_STATIC>>")
target_link_libraries(fairlead_net PUBLIC -l:libnftnl.a
  $<BUILD_INTERFACE:$<${static}:fairlead_libmnl>> $<$<NOT:${static}>:PkgConfig::MNL>)
