#include "omr/pipeline/prediction_probe.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace omr::pipeline {
namespace {

TEST(PredictionProbeTest, AModelTrainedOnVAnswersLikeOne) {
  auto unet = diffusion::load_unet(OMR_MODELS "/scenes/unet", {});
  const double correlation = noise_correlation(unet, {});
  EXPECT_LT(correlation, 0.3);
  EXPECT_STREQ(prediction_type_of(correlation), "v_prediction");
  EXPECT_EQ(noise_correlation(unet, {}), correlation) << "it draws the same noise each time";
}

TEST(PredictionProbeTest, WhoHandsTheNoiseBackPredictsEpsilon) {
  EXPECT_STREQ(prediction_type_of(0.98), "epsilon");
  EXPECT_STREQ(prediction_type_of(0.05), "v_prediction");
  EXPECT_STREQ(prediction_type_of(-0.4), "v_prediction");
}

}  // namespace
}  // namespace omr::pipeline
