list(APPEND FAIRLEAD_NET_SOURCES
  src/plan/apply.cpp
  src/plan/await_addresses.cpp
  src/plan/describe.cpp
  src/plan/diff.cpp
  src/plan/diff_address.cpp
  src/plan/diff_link.cpp
  src/plan/diff_route.cpp
  src/plan/link.cpp
  src/plan/observe.cpp
  src/plan/op.cpp
  src/plan/touch.cpp)
