fairlead_libnet_part(base 0 SOURCES
  src/base/digest.cpp
  src/base/error.cpp)
target_link_libraries(fairlead_base PRIVATE -l:libmd.a)
