#include "omr/nn/memory.h"

#include <new>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"

#include "support/error_of.h"

namespace omr::nn {
namespace {

void ask_for_too_much() { at::empty({std::int64_t{1} << 55}, at::kByte); }

TEST(MemoryTest, WhateverLibtorchThrowsForWantOfMemoryIsRecognised) {
  EXPECT_FALSE(fits_in_memory([] { throw std::bad_alloc(); }));
  EXPECT_FALSE(
      fits_in_memory([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory."); }));
  EXPECT_FALSE(fits_in_memory(ask_for_too_much));
  EXPECT_TRUE(fits_in_memory([] {}));
}

TEST(MemoryTest, OtherFailuresPass) {
  EXPECT_THROW(fits_in_memory([] { TORCH_CHECK(false, "sizes do not match"); }), c10::Error);
  EXPECT_THROW(fits_in_memory([] { throw Error(ErrorKind::cancelled, "interrupted"); }), Error);
  EXPECT_THROW(with_memory_errors("do less", [] { TORCH_CHECK(false, "sizes"); }), c10::Error);
}

TEST(MemoryTest, TheErrorSaysWhatToDo) {
  const Error error = error_of([] { with_memory_errors("draw less", ask_for_too_much); });
  EXPECT_EQ(error.kind(), ErrorKind::resource);
  EXPECT_EQ(std::string(error.what()), "out of memory: draw less");
  EXPECT_EQ(with_memory_errors("draw less", [] { return 7; }), 7);
}

}  // namespace
}  // namespace omr::nn
