// Which of epsilon and v a UNet predicts, found out by asking it once.
#pragma once

#include "omr/diffusion/unet_2d_condition_model.h"
#include "omr/nn/execution.h"

namespace omr::pipeline {

// Correlation of the UNet's answer with pure noise shown to it at the last training timestep. There
// x_t is almost all noise, so that a model of epsilon hands it back (near 1), while a model of
// v = α·noise − σ·x0 answers with the negative of the picture that it imagines (near 0).
double noise_correlation(diffusion::UNet2DConditionModel& unet,
                         const nn::ExecutionOptions& execution);

// "epsilon" or "v_prediction"; an untrained model answers at random and passes for v.
const char* prediction_type_of(double noise_correlation);

}  // namespace omr::pipeline
