# Custom CUDA kernels (src/nn/cuda), for sm_80 to sm_90, where the CUDA toolkit is there and PyTorch
# is a CUDA build. Without the toolkit the same program runs on the GPU through ATen alone.
#
# nvcc is called directly: CMake's own CUDA language would insist on a toolkit for every build.

set(OMR_CUDA "AUTO" CACHE STRING "Custom CUDA kernels: AUTO (where toolkit and PyTorch allow), ON or OFF")
set_property(CACHE OMR_CUDA PROPERTY STRINGS AUTO ON OFF)
find_program(OMR_NVCC nvcc HINTS "$ENV{CUDA_HOME}/bin" "$ENV{CUDA_PATH}/bin" /usr/local/cuda/bin
             DOC "The CUDA compiler")

set(OMR_NVCC_FLAGS -O3 -std=c++17 -Xcompiler -fPIC -I "${CMAKE_SOURCE_DIR}/src"
    -gencode arch=compute_80,code=sm_80 -gencode arch=compute_86,code=sm_86
    -gencode arch=compute_89,code=sm_89 -gencode "arch=compute_90,code=[sm_90,compute_90]")
file(GLOB OMR_CUDA_SOURCES CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/nn/cuda/*.cu")
file(GLOB OMR_CUDA_HEADERS CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/nn/cuda/*.cuh"
     "${CMAKE_SOURCE_DIR}/src/nn/cuda/*.h")

# Why the kernels are left out; empty: they are built.
set(reason "")
if(OMR_CUDA STREQUAL "OFF")
  set(reason "switched off")
elseif(NOT OMR_NVCC)
  set(reason "there is no nvcc")
else()
  execute_process(COMMAND "${OMR_NVCC}" --version OUTPUT_VARIABLE nvcc_version ERROR_QUIET)
  string(REGEX MATCH "release ([0-9]+)\\.[0-9]+" unused "${nvcc_version}")
  set(toolkit "${CMAKE_MATCH_1}")
  if(OMR_CUDA STREQUAL "AUTO" AND NOT OMR_TORCH_CUDA)
    set(reason "PyTorch is a CPU build")
  elseif(OMR_TORCH_CUDA AND NOT toolkit STREQUAL OMR_TORCH_CUDA)
    # One process, one CUDA runtime: libcudart's major version must be the one PyTorch brings.
    set(reason "PyTorch has CUDA ${OMR_TORCH_CUDA}, the toolkit is ${toolkit}")
  endif()
endif()
if(reason AND OMR_CUDA STREQUAL "ON")
  message(FATAL_ERROR "OMR_CUDA=ON, but ${reason}")
endif()

if(reason)
  message(STATUS "CUDA kernels: none (${reason})")
  function(omr_cuda_kernels target)
  endfunction()
else()
  message(STATUS "CUDA kernels: sm_80 to sm_90, with ${OMR_NVCC}")
  get_filename_component(nvcc_bin "${OMR_NVCC}" REALPATH)
  get_filename_component(nvcc_bin "${nvcc_bin}" DIRECTORY)
  find_library(OMR_CUDART NAMES cudart libcudart.so.${toolkit}
               HINTS "${nvcc_bin}/../lib64" "$ENV{CUDA_HOME}/lib64" "/usr/local/cuda-${CMAKE_MATCH_1}/lib64"
                     "/usr/local/cuda/lib64" REQUIRED DOC "The toolkit's CUDA runtime")
  function(omr_cuda_kernels target)
    set(objects)
    foreach(source IN LISTS OMR_CUDA_SOURCES)
      get_filename_component(name "${source}" NAME_WE)
      set(object "${CMAKE_BINARY_DIR}/cuda/${name}.o")
      add_custom_command(OUTPUT "${object}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${CMAKE_BINARY_DIR}/cuda"
        COMMAND "${OMR_NVCC}" ${OMR_NVCC_FLAGS} -c -o "${object}" "${source}"
        DEPENDS "${source}" ${OMR_CUDA_HEADERS} COMMENT "Compiling ${name}.cu" VERBATIM)
      set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
      list(APPEND objects "${object}")
    endforeach()
    target_sources(${target} PRIVATE ${objects})
    set_source_files_properties("${CMAKE_SOURCE_DIR}/src/nn/kernel_dispatch.cpp"
      PROPERTIES COMPILE_DEFINITIONS OMR_CUDA_KERNELS)
    target_link_libraries(${target} PUBLIC "${OMR_CUDART}")
  endfunction()
endif()
