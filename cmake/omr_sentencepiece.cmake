# sentencepiece, as scripts/setup built it from the C++ sources inside its PyPI sdist: static, with
# hidden symbols. Debian's shared library and torch's libc10 export the same flag symbol and overwrite
# each other's memory (google/sentencepiece issue 944), and Debian has no static one.

find_library(OMR_SENTENCEPIECE_LIBRARY NAMES libsentencepiece.a
             HINTS "${OMR_ENV}/sentencepiece/lib" NO_DEFAULT_PATH
             DOC "Static sentencepiece archive made by scripts/setup")
find_path(OMR_SENTENCEPIECE_INCLUDE NAMES sentencepiece_processor.h
          HINTS "${OMR_ENV}/sentencepiece/include" NO_DEFAULT_PATH)
if(NOT OMR_SENTENCEPIECE_LIBRARY OR NOT OMR_SENTENCEPIECE_INCLUDE)
  message(FATAL_ERROR "sentencepiece is not built yet: run scripts/setup, or give "
                      "-DOMR_SENTENCEPIECE_LIBRARY=FILE.a and -DOMR_SENTENCEPIECE_INCLUDE=DIR")
endif()
add_library(omr_sentencepiece STATIC IMPORTED)
set_target_properties(omr_sentencepiece PROPERTIES
  IMPORTED_LOCATION "${OMR_SENTENCEPIECE_LIBRARY}"
  # Its protobuf marks a few functions for export all the same, and libtorch has functions of those names.
  INTERFACE_LINK_OPTIONS "-Wl,--exclude-libs,libsentencepiece.a"
  INTERFACE_INCLUDE_DIRECTORIES "${OMR_SENTENCEPIECE_INCLUDE}")
