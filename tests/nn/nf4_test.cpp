#include "omr/nn/nf4.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/core/error.h"
#include "omr/io/json_file.h"
#include "omr/io/safetensors.h"

namespace omr::nn {
namespace {

namespace fs = std::filesystem;

// Equal to the bit: signs of zeros count.
bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::memcmp(a.contiguous().data_ptr(), b.contiguous().data_ptr(), a.nbytes()) == 0;
}

struct Case {
  std::string name;
  std::shared_ptr<const io::SafetensorsFile> expected;
  std::int64_t block_size;
};

std::vector<Case> peer_cases() {
  std::vector<Case> cases;
  const fs::path folder = OMR_PEERS "/nf4";
  if (!fs::is_directory(folder)) return cases;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    const io::Config config(entry.path() / "case.json");
    cases.push_back({entry.path().filename().string(),
                     io::SafetensorsFile::open(entry.path() / "expected.safetensors"),
                     config.integer("block_size")});
  }
  return cases;
}

TEST(PeersNf4Test, QuantisesToTheBytesOfBitsandbytes) {
  const std::vector<Case> cases = peer_cases();
  ASSERT_GE(cases.size(), 40u) << "tests/peers/make_nf4.py has not been run";
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    const Nf4Weight quantized = quantize_nf4(item.expected->tensor("weight"), item.block_size);
    EXPECT_TRUE(same_bytes(quantized.packed, item.expected->tensor("packed")));
    EXPECT_EQ(quantized.nested_offset, item.expected->tensor("nested_offset").item<float>());
    EXPECT_TRUE(same_bytes(quantized.nested_absmax, item.expected->tensor("nested_absmax")));
    EXPECT_TRUE(same_bytes(quantized.nested_code, item.expected->tensor("nested_code")));
    EXPECT_TRUE(same_bytes(quantized.absmax, item.expected->tensor("absmax")));
  }
}

TEST(PeersNf4Test, DequantisesToTheBytesOfBitsandbytes) {
  const std::vector<Case> cases = peer_cases();
  ASSERT_GE(cases.size(), 40u) << "tests/peers/make_nf4.py has not been run";
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    const Nf4Weight quantized = quantize_nf4(item.expected->tensor("weight"), item.block_size);
    for (const auto& [dtype, name] :
         {std::pair{at::kFloat, "dequantized.float32"}, std::pair{at::kHalf, "dequantized.float16"},
          std::pair{at::kBFloat16, "dequantized.bfloat16"}}) {
      at::Tensor expected = item.expected->tensor(name);
      at::Tensor dense = dequantize_nf4(quantized, dtype);
      if (dtype == at::kBFloat16) {
        // The AVX-512 instruction that bitsandbytes uses where there is one makes denormals zero.
        const auto flush = [](const at::Tensor& t) { return at::where(t.abs() < 1.2e-38, 0, t); };
        expected = flush(expected);
        dense = flush(dense);
      }
      EXPECT_TRUE(same_bytes(dense, expected)) << name;
    }
  }
}

TEST(Nf4Test, CodeBookValuesSurviveARoundTrip) {
  at::Tensor weight = at::empty({4, 16});
  for (std::int64_t i = 0; i < 64; ++i) {
    weight.view({-1})[i] = kNf4CodeBook[static_cast<std::size_t>(i % 16)];
  }
  const Nf4Weight quantized = quantize_nf4(weight);
  EXPECT_EQ(quantized.packed[0].item<int>(), 0x01);
  EXPECT_EQ(quantized.packed[7].item<int>(), 0xef);
  EXPECT_TRUE(at::equal(dequantize_nf4(quantized, at::kFloat), weight));
}

TEST(Nf4Test, ErrorIsBoundedByHalfTheWidestGap) {
  const at::Tensor weight = at::randn({128, 192});
  const at::Tensor dense = dequantize_nf4(quantize_nf4(weight), at::kFloat);
  const at::Tensor absmax = std::get<0>(weight.view({-1, 64}).abs().max(1, true));
  const at::Tensor error = (dense - weight).view({-1, 64}).abs() / absmax;
  // Half of 1 - 0.6962, and what the 8-bit maxima lose.
  EXPECT_LT(error.max().item<float>(), 0.152f + 0.05f);
  EXPECT_GT(error.max().item<float>(), 0.1f);
}

TEST(Nf4Test, TakesAboutFourBitsAWeight) {
  const Nf4Weight quantized = quantize_nf4(at::randn({1024, 1024}));
  const double bits = 8.0 * static_cast<double>(quantized.nbytes()) / (1024.0 * 1024.0);
  EXPECT_NEAR(bits, 4.127, 0.02);
}

TEST(Nf4Test, StridedWeightsAreReadInLogicalOrder) {
  const at::Tensor weight = at::randn({70, 48}).t();
  const Nf4Weight quantized = quantize_nf4(weight);
  EXPECT_TRUE(at::equal(quantized.packed, quantize_nf4(weight.contiguous()).packed));
  EXPECT_EQ(dequantize_nf4(quantized, at::kHalf).sizes(), weight.sizes());
}

TEST(Nf4Test, RefusesWhatCannotBeQuantised) {
  EXPECT_THROW(quantize_nf4(at::randn({8, 8}), 48), Error);
  EXPECT_THROW(quantize_nf4(at::randn({8, 8}).to(at::kDouble)), Error);
  EXPECT_THROW(quantize_nf4(at::empty({0, 8})), Error);
  at::Tensor weight = at::randn({8, 64});
  weight[3][5] = NAN;
  EXPECT_THROW(quantize_nf4(weight), Error);
  weight[3][5] = INFINITY;
  EXPECT_THROW(quantize_nf4(weight), Error);
}

TEST(Nf4Test, RefusesPartsThatDoNotFitTheShape) {
  Nf4Weight quantized = quantize_nf4(at::randn({100, 64}));
  quantized.shape = {200, 64};
  EXPECT_THROW(dequantize_nf4(quantized, at::kFloat), Error);
  quantized.shape = {100, 64};
  quantized.nested_code = quantized.nested_code.slice(0, 0, 100);
  EXPECT_THROW(dequantize_nf4(quantized, at::kFloat), Error);
}

}  // namespace
}  // namespace omr::nn
