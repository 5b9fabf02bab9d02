# Finds libtorch inside a Python environment's PyTorch wheel and offers it as omr::torch.
#
# find_package(Torch) is not used: on a CUDA build of PyTorch it insists on a CUDA toolkit, which omr
# does not need. The libraries and headers in the wheel are enough for both builds.

find_program(OMR_PYTHON NAMES python3 python HINTS "${OMR_ENV}/bin"
             DOC "The Python whose PyTorch omr links, and which runs the tests' scripts")
if(NOT OMR_TORCH_DIR)
  execute_process(
    COMMAND "${OMR_PYTHON}" -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE torch_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR
      "${OMR_PYTHON} has no PyTorch. Install it with: pip install -r scripts/requirements.txt, "
      "or give -DOMR_PYTHON=/path/to/python or -DOMR_TORCH_DIR=/path/to/site-packages/torch")
  endif()
  set(OMR_TORCH_DIR "${torch_dir}" CACHE PATH "The folder of the torch package (holds lib and include)")
endif()

file(STRINGS "${OMR_TORCH_DIR}/version.py" torch_version_line REGEX "^__version__")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" OMR_TORCH_VERSION "${torch_version_line}")
if(OMR_TORCH_VERSION VERSION_LESS 2.11 OR OMR_TORCH_VERSION VERSION_GREATER_EQUAL 2.14)
  message(FATAL_ERROR "${OMR_TORCH_DIR} is PyTorch ${OMR_TORCH_VERSION}; omr builds on 2.11 to 2.13")
endif()

set(OMR_TORCH_LIB "${OMR_TORCH_DIR}/lib")
add_library(omr_torch INTERFACE)
add_library(omr::torch ALIAS omr_torch)
target_include_directories(omr_torch SYSTEM INTERFACE
  "${OMR_TORCH_DIR}/include" "${OMR_TORCH_DIR}/include/torch/csrc/api/include")
target_link_libraries(omr_torch INTERFACE
  "${OMR_TORCH_LIB}/libtorch.so" "${OMR_TORCH_LIB}/libtorch_cpu.so" "${OMR_TORCH_LIB}/libc10.so")
if(EXISTS "${OMR_TORCH_LIB}/libtorch_cuda.so")
  # Nothing names a symbol of the CUDA half, yet loading it is what registers its kernels.
  target_link_libraries(omr_torch INTERFACE
    "-Wl,--no-as-needed,${OMR_TORCH_LIB}/libtorch_cuda.so,${OMR_TORCH_LIB}/libc10_cuda.so,--as-needed")
  # "cuda: Optional[str] = '13.0'"; the major version alone decides what fits.
  file(STRINGS "${OMR_TORCH_DIR}/version.py" torch_cuda_line REGEX "^cuda")
  string(REGEX REPLACE "^[^']*'([0-9]+)\\..*$" "\\1" OMR_TORCH_CUDA "${torch_cuda_line}")
else()
  set(OMR_TORCH_CUDA "")
endif()
if(OMR_TORCH_CUDA)
  message(STATUS "PyTorch ${OMR_TORCH_VERSION} (CUDA ${OMR_TORCH_CUDA}) in ${OMR_TORCH_DIR}")
else()
  message(STATUS "PyTorch ${OMR_TORCH_VERSION} (CPU) in ${OMR_TORCH_DIR}")
endif()

# Lets `target` find libtorch, and the CUDA libraries that pip puts beside it, when it runs: a C++
# program gets none of the preloading that Python's torch/__init__.py does.
function(omr_torch_rpath target)
  get_filename_component(site_packages "${OMR_TORCH_DIR}" DIRECTORY)
  file(GLOB cuda_dirs "${site_packages}/nvidia/*/lib")
  set_target_properties(${target} PROPERTIES
    BUILD_RPATH "${OMR_TORCH_LIB};${cuda_dirs}" INSTALL_RPATH "${OMR_TORCH_LIB};${cuda_dirs}")
  if(cuda_dirs)
    target_link_options(${target} PRIVATE "-Wl,-rpath-link,${OMR_TORCH_LIB}")
  endif()
endfunction()
