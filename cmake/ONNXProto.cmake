# C++ for the ONNX schema, generated from the onnx.proto of the pinned `onnx`
# Python package: the schema is data that moves with the package, so no copy of
# it is kept here. Defines the library WinnowONNXProto and its header
# winnow_onnx.pb.h, whose namespace is winnow::onnx, so that a process may hold
# another ONNX.

set(WINNOW_ONNX_PROTO "" CACHE FILEPATH "onnx.proto of the pinned onnx package")
if(NOT WINNOW_ONNX_PROTO)
  file(GLOB WINNOW_ONNX_PROTO_FOUND
    ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/onnx/onnx.proto)
  if(WINNOW_ONNX_PROTO_FOUND)
    list(GET WINNOW_ONNX_PROTO_FOUND 0 WINNOW_ONNX_PROTO_FOUND)
    set(WINNOW_ONNX_PROTO ${WINNOW_ONNX_PROTO_FOUND} CACHE FILEPATH "" FORCE)
  endif()
endif()
if(NOT EXISTS "${WINNOW_ONNX_PROTO}")
  message(FATAL_ERROR
    "onnx.proto not found at '${WINNOW_ONNX_PROTO}'. It is part of the onnx Python package: "
    "run the set-up script, which installs it into .venv, or pass "
    "-DWINNOW_ONNX_PROTO=<site-packages>/onnx/onnx.proto")
endif()

find_package(Protobuf REQUIRED)

set(WINNOW_ONNX_PROTO_DIR ${PROJECT_BINARY_DIR}/onnx-proto)
file(READ ${WINNOW_ONNX_PROTO} WINNOW_ONNX_SCHEMA)
string(REPLACE "package onnx;" "package winnow.onnx;" WINNOW_ONNX_SCHEMA "${WINNOW_ONNX_SCHEMA}")
file(CONFIGURE OUTPUT ${WINNOW_ONNX_PROTO_DIR}/winnow_onnx.proto
  CONTENT "@WINNOW_ONNX_SCHEMA@" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${WINNOW_ONNX_PROTO})

add_custom_command(
  OUTPUT ${WINNOW_ONNX_PROTO_DIR}/winnow_onnx.pb.cc ${WINNOW_ONNX_PROTO_DIR}/winnow_onnx.pb.h
  COMMAND protobuf::protoc --cpp_out=${WINNOW_ONNX_PROTO_DIR} -I ${WINNOW_ONNX_PROTO_DIR}
    winnow_onnx.proto
  DEPENDS ${WINNOW_ONNX_PROTO_DIR}/winnow_onnx.proto
  COMMENT "Generating the ONNX schema's C++"
  VERBATIM)

# Generated code: neither our warnings nor our -fno-rtti.
add_library(WinnowONNXProto STATIC ${WINNOW_ONNX_PROTO_DIR}/winnow_onnx.pb.cc
  ${WINNOW_ONNX_PROTO_DIR}/winnow_onnx.pb.h)
target_compile_options(WinnowONNXProto PRIVATE -w)
target_include_directories(WinnowONNXProto SYSTEM PUBLIC ${WINNOW_ONNX_PROTO_DIR})
target_link_libraries(WinnowONNXProto PUBLIC protobuf::libprotobuf-lite)
