# omr_fuzz(NAME [NO_TORCH] DEPENDS modules… [CORPUS files…])
#
# A fuzz target from tests/fuzz/NAME_fuzz.cpp and a ctest test that runs it on its corpus
# (tests/fuzz/corpus/NAME and CORPUS) and OMR_FUZZ_RUNS mutations. With clang and OMR_LIBFUZZER=ON the
# same source links libFuzzer, for runs without end.

option(OMR_LIBFUZZER "Build the fuzz targets with clang's libFuzzer" OFF)
set(OMR_FUZZ_RUNS 2000 CACHE STRING "Mutated inputs per fuzz target in a test run")

function(omr_fuzz name)
  cmake_parse_arguments(arg "NO_TORCH" "" "DEPENDS;CORPUS" ${ARGN})
  file(GLOB corpus CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name}/*")
  list(APPEND corpus ${arg_CORPUS})
  set(target omr_fuzz_${name})
  if(OMR_LIBFUZZER)
    add_executable(${target} fuzz/${name}_fuzz.cpp)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${target} fuzz/${name}_fuzz.cpp fuzz/driver.cpp)
    add_test(NAME fuzz_${name} COMMAND ${target} --runs ${OMR_FUZZ_RUNS} ${corpus})
    set_tests_properties(fuzz_${name} PROPERTIES LABELS unit TIMEOUT 600 ENVIRONMENT "OMP_NUM_THREADS=1")
  endif()
  set_target_properties(${target} PROPERTIES OMR_CORPUS "${corpus}")
  list(TRANSFORM arg_DEPENDS PREPEND omr_)
  target_link_libraries(${target} PRIVATE ${arg_DEPENDS})
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/tests" "${CMAKE_SOURCE_DIR}/src")
  omr_compile_options(${target})
  # Compiled as the libraries are (-fPIC, not -fPIE): the precompiled header serves both.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  if(NOT arg_NO_TORCH)
    omr_use_precompiled_header(${target})
    omr_torch_rpath(${target})
  endif()
endfunction()
