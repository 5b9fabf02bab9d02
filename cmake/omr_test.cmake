# omr_test(MODULE [NO_TORCH] [DEPENDS modules…])
#
# One test program, and one ctest test, per module from tests/MODULE/*_test.cpp. Suites whose name
# starts with Peers read what tests/peers/make_NAME.py wrote with the peers' libraries; ctest runs the
# scripts that they need first (tests/CMakeLists.txt).

# The fixtures whose output tests/MODULE reads: its namesake's, and each that it names after OMR_PEERS.
function(omr_peers_read_by module result)
  file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/peers/make_*.py")
  file(GLOB sources "${CMAKE_SOURCE_DIR}/tests/${module}/*.cpp" "${CMAKE_SOURCE_DIR}/tests/${module}/*.h")
  set(fixtures)
  foreach(script IN LISTS scripts)
    string(REGEX REPLACE ".*/make_(.*)\\.py$" "\\1" peer "${script}")
    set(read_here FALSE)
    if(peer STREQUAL module)
      set(read_here TRUE)
    endif()
    foreach(source IN LISTS sources)
      file(STRINGS "${source}" lines REGEX "OMR_PEERS.*\"/?${peer}[\"/]")
      if(lines)
        set(read_here TRUE)
      endif()
    endforeach()
    if(read_here)
      list(APPEND fixtures peers_${peer})
    endif()
  endforeach()
  set(${result} "${fixtures}" PARENT_SCOPE)
endfunction()

function(omr_test name)
  cmake_parse_arguments(arg "NO_TORCH" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/${name}/*_test.cpp")
  if(NOT sources)
    return()
  endif()
  set(target omr_${name}_test)
  add_executable(${target} ${sources})
  list(TRANSFORM arg_DEPENDS PREPEND omr_)
  target_link_libraries(${target} PRIVATE omr_${name} ${arg_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/tests" "${CMAKE_SOURCE_DIR}/src")
  target_compile_definitions(${target} PRIVATE
    OMR_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data" OMR_MODELS="${CMAKE_SOURCE_DIR}/tests/data/models"
    OMR_PEERS="${CMAKE_BINARY_DIR}/peers")
  omr_compile_options(${target})
  # Compiled as the libraries are (-fPIC, not -fPIE): the precompiled header serves both.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  if(NOT arg_NO_TORCH)
    omr_use_precompiled_header(${target})
    omr_torch_rpath(${target})
  endif()
  # Loading libtorch takes a second: one ctest entry a program, not one a TEST.
  add_test(NAME ${name} COMMAND ${target} --gtest_brief=1)
  # ctest runs several at once: with a thread a core each they would wait in each other's barriers for minutes.
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 1200 ENVIRONMENT
                       "OMP_NUM_THREADS=1;ASAN_OPTIONS=allocator_may_return_null=1")
  omr_peers_read_by(${name} fixtures)
  if(fixtures)
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED "${fixtures}")
  endif()
endfunction()
