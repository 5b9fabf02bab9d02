# omr_module(NAME [NO_TORCH] [DEPENDS modules…] [LINK targets…] [PRIVATE targets…])
#
# A static library omr_NAME from src/NAME/*.cpp. Modules that see tensors share one precompiled
# header, read once.

set(OMR_PCH_HEADER "${CMAKE_CURRENT_LIST_DIR}/precompiled.h")

function(omr_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-unused-parameter $<$<BOOL:${OMR_WERROR}>:-Werror>)
  if(OMR_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=${OMR_SANITIZE} -fno-sanitize-recover=all
                           -fno-omit-frame-pointer)
    target_compile_definitions(${target} PUBLIC _GLIBCXX_ASSERTIONS)
    target_link_options(${target} PUBLIC -fsanitize=${OMR_SANITIZE})
  endif()
endfunction()

function(omr_use_precompiled_header target)
  if(NOT TARGET omr_precompiled)
    file(WRITE "${CMAKE_BINARY_DIR}/precompiled.cpp" "")
    add_library(omr_precompiled OBJECT "${CMAKE_BINARY_DIR}/precompiled.cpp")
    target_link_libraries(omr_precompiled PRIVATE omr::torch nlohmann_json::nlohmann_json)
    target_precompile_headers(omr_precompiled PRIVATE "${OMR_PCH_HEADER}")
    omr_compile_options(omr_precompiled)
  endif()
  target_precompile_headers(${target} REUSE_FROM omr_precompiled)
endfunction()

function(omr_module name)
  cmake_parse_arguments(arg "NO_TORCH" "" "DEPENDS;LINK;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  add_library(omr_${name} STATIC ${sources})
  target_include_directories(omr_${name} PUBLIC "${CMAKE_SOURCE_DIR}/include" PRIVATE "${CMAKE_SOURCE_DIR}/src")
  list(TRANSFORM arg_DEPENDS PREPEND omr_)
  target_link_libraries(omr_${name} PUBLIC ${arg_DEPENDS} ${arg_LINK} Threads::Threads PRIVATE ${arg_PRIVATE})
  omr_compile_options(omr_${name})
  if(NOT arg_NO_TORCH)
    target_link_libraries(omr_${name} PUBLIC omr::torch)
    omr_use_precompiled_header(omr_${name})
  endif()
endfunction()
