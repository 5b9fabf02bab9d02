#include "omr/schedulers/dpmsolver_multistep_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/schedulers/noise_schedule.h"

namespace omr::schedulers {
namespace {

// The last step of a short run is of first order: second order is unstable there (§3.3 of the
// paper).
constexpr std::size_t kShortRun = 15;

struct Level {
  double alpha, sigma, lambda;
};

// σ of the variance-exploding form to (α, σ, log-SNR/2) of the preserving one.
Level level_of(double sigma) {
  const double alpha = 1 / std::sqrt(sigma * sigma + 1);
  return {alpha, sigma * alpha, -std::log(sigma)};
}

}  // namespace

DPMSolverMultistepScheduler::DPMSolverMultistepScheduler(const SchedulerConfig& config, int steps)
    : config_(config) {
  config_.clip_sample = false;  // this solver knows dynamic thresholding only
  std::vector<double> alpha_bar = alphas_cumprod(config);
  if (config.rescale_betas_zero_snr) alpha_bar.back() = std::ldexp(1.0, -24);
  const std::vector<double> all = schedulers::sigmas_of(alpha_bar);
  // λ falls with t; timesteps whose λ is below the clip are not visited.
  const auto clipped = std::count_if(all.begin(), all.end(), [&](double sigma) {
    return -std::log(sigma) < config.lambda_min_clipped;
  });
  timesteps_ = solver_timesteps(config, steps, config.num_train_timesteps - clipped);
  if (config.use_karras_sigmas) {
    sigmas_ = karras_sigmas(all.front(), all.back(), steps);
    timesteps_.clear();
    for (double sigma : sigmas_) {
      const double timestep = sigma_to_timestep(all, sigma);
      // The model takes whole timesteps: diffusers rounds, and for the cosine schedule cuts off.
      timesteps_.push_back(config.beta_schedule == BetaSchedule::squaredcos_cap_v2
                               ? std::trunc(timestep)
                               : std::nearbyint(timestep));
    }
  } else {
    for (double timestep : timesteps_) sigmas_.push_back(interpolate(all, timestep));
  }
  sigmas_.push_back(config.final_sigmas_type == FinalSigmas::zero ? 0.0 : all.front());
}

at::Tensor DPMSolverMultistepScheduler::add_noise(const at::Tensor& original,
                                                  const at::Tensor& noise,
                                                  std::size_t index) const {
  const Level level = level_of(sigmas_.at(index));
  return level.alpha * original + level.sigma * noise;
}

StepOutput DPMSolverMultistepScheduler::step(const at::Tensor& model_output, std::size_t index,
                                             const at::Tensor& sample, const Generators&) {
  const Level from = level_of(sigmas_.at(index));
  const double sigma_to = sigmas_.at(index + 1);
  const Level to = level_of(sigma_to);
  const at::Tensor x0 = threshold_sample(
      config_,
      to_x0_and_epsilon(config_.prediction_type, model_output, sample, from.alpha, from.sigma)
          .original_sample);

  const std::size_t count = timesteps_.size();
  const bool last_is_first_order =
      index + 1 == count &&
      (config_.euler_at_final || config_.final_sigmas_type == FinalSigmas::zero ||
       (config_.lower_order_final && count < kShortRun));
  // exp(−h) − 1 with h = λ_to − λ_from; at σ = 0, h is infinite and the factor exactly −1.
  const double factor = sigma_to == 0 ? -1.0 : std::expm1(from.lambda - to.lambda);
  at::Tensor data = x0;
  if (last_x0_.defined() && !last_is_first_order) {
    const Level before = level_of(sigmas_.at(index - 1));
    const double r0 = (from.lambda - before.lambda) / (to.lambda - from.lambda);
    data = x0 + (0.5 / r0) * (x0 - last_x0_);
  }
  last_x0_ = x0;
  const at::Tensor prev_sample = (to.sigma / from.sigma) * sample - (to.alpha * factor) * data;
  return {prev_sample, x0, prev_sample, 0};
}

}  // namespace omr::schedulers
