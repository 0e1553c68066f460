fairlead_libnet_part(base 0 SOURCES
  src/base/error.cpp)
