# What `cmake --install` installs beside the executables (which say it where they are defined): the
# library with its headers, a CMake package and a pkg-config file, and the documents.
#
# Components: plugins and runtime (the executables), development (everything here but the documents).
# A packager who wants the plugins alone says `cmake --install DIR --component plugins`.

include(CMakePackageConfigHelpers)

set(FAIRLEAD_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/fairlead")
set_target_properties(fairlead_base PROPERTIES EXPORT_NAME base)
set_target_properties(fairlead_net PROPERTIES EXPORT_NAME net)
install(TARGETS fairlead_base fairlead_net EXPORT fairlead
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT fairlead NAMESPACE fairlead:: DESTINATION "${FAIRLEAD_CMAKE_DIR}" COMPONENT development
  FILE fairlead-targets.cmake)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/libnet/include/fairlead" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT development FILES_MATCHING PATTERN "*.hpp")

configure_package_config_file("${PROJECT_SOURCE_DIR}/packaging/fairlead-config.cmake.in"
  "${PROJECT_BINARY_DIR}/packaging/fairlead-config.cmake" INSTALL_DESTINATION "${FAIRLEAD_CMAKE_DIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/packaging/fairlead-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/packaging/fairlead-config.cmake"
  "${PROJECT_BINARY_DIR}/packaging/fairlead-config-version.cmake"
  DESTINATION "${FAIRLEAD_CMAKE_DIR}" COMPONENT development)

# The paths of a .pc file are relative to itself, so that the tree may be installed anywhere.
file(RELATIVE_PATH FAIRLEAD_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/packaging/fairlead-net.pc.in"
  "${PROJECT_BINARY_DIR}/packaging/fairlead-net.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/packaging/fairlead-net.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)

install(FILES "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/CHANGELOG.md" "${PROJECT_SOURCE_DIR}/LICENSE"
  DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT documentation)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT documentation)
