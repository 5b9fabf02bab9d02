#include "omr/reward/lpips.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "omr/io/safetensors.h"

#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace omr::reward {
namespace {

const std::filesystem::path kPeersLpips = OMR_PEERS "/lpips";

// Against the tensor's own scale.
double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

TEST(LpipsTest, DistancesAndGradientsOfOddSizesMatchThePackagesFormula) {
  Lpips lpips = load_lpips(kPeersLpips / "lpips.safetensors", {});
  const auto peer = io::SafetensorsFile::open(kPeersLpips / "case.safetensors");
  for (const std::string name : {"odd", "smallest", "wide"}) {
    SCOPED_TRACE(name);
    const auto leaf = [&](const char* which) {
      return peer->tensor(name + "." + which).clone().requires_grad_(true);
    };
    const at::Tensor a = leaf("a"), b = leaf("b");
    const at::Tensor distance = lpips(a, b);
    ASSERT_EQ(distance.sizes(), at::IntArrayRef({a.size(0)}));
    EXPECT_LT(relative_difference(distance, peer->tensor(name + ".distance")), 1e-5);
    (distance * at::arange(1, a.size(0) + 1)).sum().backward();
    EXPECT_LT(relative_difference(a.grad(), peer->tensor(name + ".grad_a")), 1e-4);
    EXPECT_LT(relative_difference(b.grad(), peer->tensor(name + ".grad_b")), 1e-4);
  }
}

TEST(LpipsTest, APictureIsAtNoDistanceFromItself) {
  const at::NoGradGuard no_grad;
  Lpips lpips = load_lpips(kPeersLpips / "lpips.safetensors", {});
  const at::Tensor picture = at::rand({2, 3, 20, 24}) * 2 - 1;
  EXPECT_EQ(lpips(picture, picture).abs().max().item<float>(), 0.F);
}

TEST(LpipsTest, PicturesTooSmallForTheLastLevelAreRefused) {
  Lpips lpips = load_lpips(kPeersLpips / "lpips.safetensors", {});
  const Error error = error_of([&] { lpips(at::rand({1, 3, 15, 40}), at::rand({1, 3, 15, 40})); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_TRUE(says(error, "at least 16x16 pixels, these have 40x15")) << error.what();
}

class LpipsFileTest : public testing::Test {
 protected:
  // The peer's file without its copies and constants, changed by `change`.
  template <typename Change>
  Error error_with(Change&& change) {
    std::map<std::string, at::Tensor> tensors;
    for (const io::TensorInfo& info : peer_->tensors())
      tensors[info.name] = peer_->tensor(info.name);
    change(tensors);
    const std::filesystem::path file = folder_.path() / "lpips.safetensors";
    io::write_safetensors(file, {tensors.begin(), tensors.end()});
    return error_of([&] { load_lpips(file, {}); });
  }

  std::shared_ptr<const io::SafetensorsFile> peer_ =
      io::SafetensorsFile::open(kPeersLpips / "lpips.safetensors");
  TemporaryFolder folder_;
};

TEST_F(LpipsFileTest, LinearLayersAloneAreNoLpips) {
  const Error error = error_with([](auto& tensors) {
    std::erase_if(tensors, [](const auto& named) { return named.first.starts_with("net."); });
  });
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  EXPECT_TRUE(says(error, "holds no LPIPS")) << error.what();
}

TEST_F(LpipsFileTest, MissingUnexpectedAndMisshapedTensorsAreNamed) {
  const Error error = error_with([](auto& tensors) {
    tensors.erase("net.slice5.28.bias");
    tensors["net.slice6.30.bias"] = at::zeros({512});
    tensors["lin2.model.1.weight"] = at::zeros({1, 192, 1, 1});
  });
  EXPECT_EQ(error.kind(), ErrorKind::mismatch);
  for (const char* part : {"1 missing: net.slice5.28.bias", "1 unexpected: net.slice6.30.bias",
                           "lin2.model.1.weight is [1, 192, 1, 1], expected [1, 256, 1, 1]"}) {
    EXPECT_TRUE(says(error, part)) << error.what();
  }
}

}  // namespace
}  // namespace omr::reward
