# What `cmake --install build` leaves: the driver, the runtime (installed by
# runtime/), find_package(Winnow) and pkg-config's winnow. The folders are fixed
# because the driver looks for the runtime in ../lib beside itself; the whole
# tree can be moved.

include(CMakePackageConfigHelpers)

# The driver keeps finding LLVM's and MLIR's shared libraries.
set_target_properties(winnow PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS winnow RUNTIME DESTINATION bin)

set(WINNOW_PACKAGE_DIR lib/cmake/Winnow)
configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/WinnowConfig.cmake.in
  ${PROJECT_BINARY_DIR}/${WINNOW_PACKAGE_DIR}/WinnowConfig.cmake
  INSTALL_DESTINATION ${WINNOW_PACKAGE_DIR}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change anything.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/${WINNOW_PACKAGE_DIR}/WinnowConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/${WINNOW_PACKAGE_DIR}/WinnowConfig.cmake
  ${PROJECT_BINARY_DIR}/${WINNOW_PACKAGE_DIR}/WinnowConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/WinnowAddModel.cmake
  DESTINATION ${WINNOW_PACKAGE_DIR})

configure_file(${CMAKE_CURRENT_LIST_DIR}/winnow.pc.in
  ${PROJECT_BINARY_DIR}/lib/pkgconfig/winnow.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lib/pkgconfig/winnow.pc DESTINATION lib/pkgconfig)
