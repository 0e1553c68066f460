fairlead_libnet_part(base 0 SOURCES
  src/base/digest.cpp
  src/base/error.cpp
  src/base/file.cpp
  src/base/file_time.cpp
  src/base/ids.cpp
  src/base/ip_address.cpp
  src/base/mac_address.cpp
  src/base/quote.cpp
  src/base/unique_fd.cpp
  src/base/words.cpp)
target_link_libraries(fairlead_base PRIVATE -l:libmd.a)
