list(APPEND FAIRLEAD_NET_SOURCES
  src/nl/attr.cpp
  src/nl/client.cpp
  src/nl/encoder.cpp
  src/nl/ext_ack.cpp
  src/nl/format.cpp
  src/nl/inet_attrs.cpp
  src/nl/link_attrs.cpp
  src/nl/mnl_transport.cpp
  src/nl/reader.cpp)
