# winnow_add_model(<target> <model.onnx>
#                  [NAME <name>] [EMBED_WEIGHTS]
#                  [OPTIONS <option>...] [DEPENDS <file>...])
#
# Compiles the model when something that depends on it is built, and makes an
# interface library to link: the generated header <name>.h, the model's code and
# the runtime. NAME is the prefix of C symbols and files (default: the target's
# name as a C identifier). OPTIONS go to `winnow compile`, e.g. --cpu=x86-64-v3.
# DEPENDS lists other files that the model reads, such as external data.
#
# Programs find the weights file by the macro <NAME>_WEIGHTS, its path in the
# build tree as a string, and scripts by the target's property WINNOW_WEIGHTS.
# With EMBED_WEIGHTS the weights are in the library and neither exists.
function(winnow_add_model target model)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "EMBED_WEIGHTS" "NAME" "OPTIONS;DEPENDS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "winnow_add_model: unexpected argument '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  get_filename_component(model "${model}" ABSOLUTE)
  if(ARG_NAME)
    set(name "${ARG_NAME}")
  else()
    string(MAKE_C_IDENTIFIER "${target}" name)
  endif()

  set(folder "${CMAKE_CURRENT_BINARY_DIR}/winnow/${target}")
  set(options --name=${name} --emit=static --quiet ${ARG_OPTIONS})
  set(outputs "${folder}/${name}.a" "${folder}/${name}.h" "${folder}/${name}.json")
  if(ARG_EMBED_WEIGHTS)
    list(APPEND options --embed-weights)
  else()
    list(APPEND outputs "${folder}/${name}.weights")
  endif()
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND Winnow::winnow compile "${model}" -o "${folder}" ${options}
    DEPENDS "${model}" Winnow::winnow ${ARG_DEPENDS}
    COMMENT "Compiling ${model}"
    VERBATIM)
  add_custom_target(${target}-compile DEPENDS ${outputs})

  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}-compile)
  target_include_directories(${target} INTERFACE "${folder}")
  target_link_libraries(${target} INTERFACE
    "${folder}/${name}.a" Winnow::headers Threads::Threads m)
  if(NOT ARG_EMBED_WEIGHTS)
    string(TOUPPER "${name}" macro)
    target_compile_definitions(${target} INTERFACE "${macro}_WEIGHTS=\"${folder}/${name}.weights\"")
    set_target_properties(${target} PROPERTIES WINNOW_WEIGHTS "${folder}/${name}.weights")
  endif()
endfunction()
