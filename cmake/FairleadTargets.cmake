# fairlead_module, fairlead_executable, fairlead_test: targets with layers (docs/architecture.md).
# A module may only depend on modules of a lower layer; anything else stops the configuration.

set(FAIRLEAD_LAYER_base 0)
add_library(fairlead_options INTERFACE)
target_compile_features(fairlead_options INTERFACE cxx_std_20)
target_compile_options(fairlead_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -ffunction-sections -fdata-sections
  $<$<BOOL:${FAIRLEAD_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 warns at -O2 about every literal + std::string&& (GCC bug 105651), and at -O3 about members of
  # the alternatives that a std::variant does not hold when it is moved.
  target_compile_options(fairlead_options INTERFACE -Wno-restrict
    $<$<CONFIG:Release>:-Wno-maybe-uninitialized>)
endif()
target_compile_definitions(fairlead_options INTERFACE JSON_NO_IO _GNU_SOURCE)
target_include_directories(fairlead_options INTERFACE "${PROJECT_SOURCE_DIR}")

function(fairlead_check_layers name layer)
  foreach(dep IN LISTS ARGN)
    get_target_property(dep_layer fairlead_${dep} FAIRLEAD_LAYER)
    if(dep_layer STREQUAL "dep_layer-NOTFOUND")
      message(FATAL_ERROR "layering: ${name} depends on ${dep}, which is no fairlead module")
    endif()
    if(NOT dep_layer LESS layer)
      message(FATAL_ERROR
        "layering: ${name} (layer ${layer}) must not depend on ${dep} (layer ${dep_layer})")
    endif()
  endforeach()
endfunction()

# fairlead_module(<name> LAYER <n> SOURCES <...> [DEPENDS <modules>] [LIBRARIES <external>] [PRIVATE_LIBRARIES <external>])
function(fairlead_module name)
  cmake_parse_arguments(ARG "" "LAYER" "SOURCES;DEPENDS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  fairlead_check_layers(${name} ${ARG_LAYER} ${ARG_DEPENDS})
  add_library(fairlead_${name} STATIC ${ARG_SOURCES})
  set_target_properties(fairlead_${name} PROPERTIES FAIRLEAD_LAYER ${ARG_LAYER})
  # Our warnings and the tree's include directory are not for those who use an installed library.
  target_link_libraries(fairlead_${name}
    PUBLIC $<BUILD_INTERFACE:fairlead_options> ${ARG_LIBRARIES} PRIVATE ${ARG_PRIVATE_LIBRARIES})
  target_compile_features(fairlead_${name} PUBLIC cxx_std_20)
  foreach(dep IN LISTS ARG_DEPENDS)
    target_link_libraries(fairlead_${name} PUBLIC fairlead_${dep})
  endforeach()
endfunction()

# What users run: plugins and tool, without tests and benchmarks.
add_custom_target(executables)

# fairlead_executable(<target> OUTPUT <name> LAYER <n> SOURCES <...> DEPENDS <modules> [DIRECTORY <dir>])
function(fairlead_executable name)
  cmake_parse_arguments(ARG "" "OUTPUT;LAYER;DIRECTORY" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  fairlead_check_layers(${name} ${ARG_LAYER} ${ARG_DEPENDS})
  add_executable(fairlead_${name} ${ARG_SOURCES})
  set_target_properties(fairlead_${name} PROPERTIES
    FAIRLEAD_LAYER ${ARG_LAYER}
    OUTPUT_NAME ${ARG_OUTPUT}
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${ARG_DIRECTORY}")
  add_dependencies(executables fairlead_${name})
  target_link_libraries(fairlead_${name} PRIVATE fairlead_options ${ARG_LIBRARIES})
  foreach(dep IN LISTS ARG_DEPENDS)
    target_link_libraries(fairlead_${name} PRIVATE fairlead_${dep})
  endforeach()
  if(NOT FAIRLEAD_SANITIZE)
    target_link_options(fairlead_${name} PRIVATE
      -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-O1
      $<$<CONFIG:Release>:-s>)
  endif()
endfunction()

# fairlead_test(<name> LABEL <label> SOURCES <...> DEPENDS <modules>): a gtest binary, one ctest per case.
function(fairlead_test name)
  cmake_parse_arguments(ARG "" "LABEL;MAIN" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  if(NOT ARG_MAIN)
    set(ARG_MAIN GTest::gtest_main)
  endif()
  target_link_libraries(${name} PRIVATE fairlead_options GTest::gtest GTest::gmock ${ARG_MAIN} ${ARG_LIBRARIES})
  foreach(dep IN LISTS ARG_DEPENDS)
    target_link_libraries(${name} PRIVATE fairlead_${dep})
  endforeach()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 120)
endfunction()
