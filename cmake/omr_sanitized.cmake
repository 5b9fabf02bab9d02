# omr_sanitized(SOURCES files… TESTS files… FUZZ names…)
#
# What reads strangers' files and text, compiled a second time with AddressSanitizer and
# UndefinedBehaviorSanitizer: one program of unit tests and the fuzz targets named. Unoptimised, which
# halves the time to compile; what reads the peers' data or tries every write is left to the plain build. The whole tree with sanitizers is `scripts/test --sanitize`.

set(OMR_SANITIZED_FUZZ_RUNS 300 CACHE STRING "Mutated inputs per sanitized fuzz target in a test run")

function(omr_sanitized_options target)
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}/include" "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/tests")
  target_include_directories(${target} SYSTEM PRIVATE "${STB_INCLUDE_DIR}/stb")
  target_link_libraries(${target} PRIVATE omr::torch omr_sentencepiece nlohmann_json::nlohmann_json PNG::PNG
                        JPEG::JPEG OpenSSL::Crypto GTest::gtest GTest::gmock Threads::Threads)
  target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS OMR_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data"
                             OMR_MODELS="${CMAKE_SOURCE_DIR}/tests/data/models" OMR_PEERS="${CMAKE_BINARY_DIR}/peers")
  target_compile_options(${target} PRIVATE -O0 -g1 -fPIC -fsanitize=address,undefined -fno-sanitize-recover=all
                         -fno-omit-frame-pointer)
  target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
endfunction()

function(omr_sanitized_program target)
  add_executable(${target} ${ARGN})
  omr_sanitized_options(${target})
  target_precompile_headers(${target} REUSE_FROM omr_sanitized)
  target_link_libraries(${target} PRIVATE omr_sanitized)
  omr_torch_rpath(${target})
endfunction()

function(omr_sanitized)
  cmake_parse_arguments(arg "" "" "SOURCES;TESTS;FUZZ" ${ARGN})
  add_library(omr_sanitized STATIC ${arg_SOURCES})
  omr_sanitized_options(omr_sanitized)
  target_precompile_headers(omr_sanitized PRIVATE "${CMAKE_SOURCE_DIR}/cmake/precompiled_sanitized.h")

  omr_sanitized_program(omr_sanitized_test ${arg_TESTS})
  target_link_libraries(omr_sanitized_test PRIVATE GTest::gtest_main)
  add_test(NAME sanitized COMMAND omr_sanitized_test --gtest_brief=1 "--gtest_filter=-Peers*:*PowerCut*:*AtEvery*")
  set(tests sanitized)
  foreach(name IN LISTS arg_FUZZ)
    omr_sanitized_program(omr_sanitized_fuzz_${name} fuzz/${name}_fuzz.cpp fuzz/driver.cpp)
    get_target_property(corpus omr_fuzz_${name} OMR_CORPUS)
    add_test(NAME sanitized_fuzz_${name}
             COMMAND omr_sanitized_fuzz_${name} --runs ${OMR_SANITIZED_FUZZ_RUNS} ${corpus})
    list(APPEND tests sanitized_fuzz_${name})
  endforeach()
  set_tests_properties(${tests} PROPERTIES LABELS sanitized TIMEOUT 600 ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()
