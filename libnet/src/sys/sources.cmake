# list(APPEND FAIRLEAD_NET_SOURCES src/sys/...)
list(APPEND FAIRLEAD_NET_SOURCES src/sys/run_directory.cpp)
