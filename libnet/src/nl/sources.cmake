list(APPEND FAIRLEAD_NET_SOURCES src/nl/placeholder.cpp)
