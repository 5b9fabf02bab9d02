// What all schedulers share: betas, ᾱ, the choice of timesteps, and the three ways a model may
// predict.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/schedulers/scheduler_config.h"

namespace omr::schedulers {

// ᾱ_t for t in [0, num_train_timesteps), computed in fp32 as diffusers does.
std::vector<double> alphas_cumprod(const SchedulerConfig& config);

// Training timesteps visited by `steps` inference steps, from noisy to clean. Throws Error(usage)
// when steps is not within [1, num_train_timesteps].
std::vector<double> spaced_timesteps(const SchedulerConfig& config, int steps);

// The same for multistep solvers of the DPM family, whose spacings leave out the last, noise-free
// timestep; only the first `last` training timesteps are used. Throws likewise.
std::vector<double> solver_timesteps(const SchedulerConfig& config, int steps, std::int64_t last);

// a, b, c -> a, b, b, c, c: the calls of a method that looks twice at every place but the first.
std::vector<double> twice_but_first(const std::vector<double>& values);

// σ = sqrt((1 − ᾱ)/ᾱ), ascending in t (variance-exploding coordinates, arXiv 2206.00364), in fp32.
std::vector<double> sigmas_of(const std::vector<double>& alphas_cumprod);

// Value of `table` at a fractional index, linear in between, clamped at the ends.
double interpolate(const std::vector<double>& table, double index);

// The fractional timestep whose σ is `sigma`, linear in log σ.
double sigma_to_timestep(const std::vector<double>& sigmas, double sigma);

// n values from sigma_max down to sigma_min, ρ = 7 (arXiv 2206.00364, eq. 5).
std::vector<double> karras_sigmas(double sigma_min, double sigma_max, int n);

struct Prediction {
  at::Tensor original_sample;  // x0
  at::Tensor epsilon;
};

// Turns a prediction at x = alpha·x0 + sigma·epsilon (alpha² + sigma² = 1) into x0 and epsilon.
Prediction to_x0_and_epsilon(PredictionType type, const at::Tensor& model_output,
                             const at::Tensor& sample, double alpha, double sigma);

// Dynamic thresholding or clipping of x0, as the config says.
at::Tensor threshold_sample(const SchedulerConfig& config, const at::Tensor& original_sample);

}  // namespace omr::schedulers
