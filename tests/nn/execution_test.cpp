#include "omr/nn/execution.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

#include "support/error_of.h"

namespace omr::nn {
namespace {

TEST(ResolveExecutionTest, TakesFp32OnTheCpuUnlessTold) {
  EXPECT_TRUE(resolve_execution("cpu", "auto").device.is_cpu());
  EXPECT_EQ(resolve_execution("cpu", "auto").dtype, at::kFloat);
  EXPECT_EQ(resolve_execution("cpu", "fp32").dtype, at::kFloat);
  EXPECT_EQ(resolve_execution("cpu", "fp16").dtype, at::kHalf);
  EXPECT_EQ(resolve_execution("cpu", "bf16").dtype, at::kBFloat16);
}

TEST(ResolveExecutionTest, AutoIsCudaWhereThereIsOne) {
  const ExecutionOptions execution = resolve_execution("auto", "auto");
  EXPECT_EQ(execution.device.is_cuda(), at::hasCUDA());
  EXPECT_EQ(execution.dtype, at::hasCUDA() ? at::kHalf : at::kFloat);
}

TEST(ResolveExecutionTest, OtherWordsAreAUsageError) {
  for (const char* device : {"", "gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda:1x",
                             "cuda:99999999999999999999", "cpu:0", "auto "}) {
    const Error error = error_of([&] { resolve_execution(device, "auto"); });
    EXPECT_EQ(error.kind(), ErrorKind::usage) << device;
    EXPECT_TRUE(says(error, "--device " + std::string(device)) && says(error, "cuda:N"))
        << error.what();
  }
  for (const char* dtype : {"", "float", "fp8", "FP32"}) {
    const Error error = error_of([&] { resolve_execution("cpu", dtype); });
    EXPECT_EQ(error.kind(), ErrorKind::usage) << dtype;
    EXPECT_TRUE(says(error, "--dtype " + std::string(dtype)) && says(error, "bf16"))
        << error.what();
  }
}

TEST(ResolveExecutionTest, AnAbsentDeviceIsAResourceError) {
  const Error error = error_of([] { resolve_execution("cuda:99", "auto"); });
  EXPECT_EQ(error.kind(), ErrorKind::resource);
  EXPECT_TRUE(says(error, "cuda:99") && says(error, "CUDA device")) << error.what();
  if (!at::hasCUDA()) {
    EXPECT_EQ(error_of([] { resolve_execution("cuda", "auto"); }).kind(), ErrorKind::resource);
  }
}

}  // namespace
}  // namespace omr::nn
