#include "omr/schedulers/dpmsolver_sde_scheduler.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "omr/core/error.h"
#include "omr/schedulers/noise_schedule.h"

#include "schedulers/brownian_tree.h"

namespace omr::schedulers {
namespace {

SchedulerConfig sde_keys(SchedulerConfig config) {
  config.rescale_betas_zero_snr = false;
  config.final_sigmas_type = FinalSigmas::zero;
  return config;
}

// Where a path is asked is a matter of σ's last fp32 bit, so levels are torch's own fp32 scalars
// here.
at::Tensor scalar(double value) { return at::scalar_tensor(value, at::kFloat); }
at::Tensor sigma_of(const at::Tensor& t) { return t.neg().exp(); }
at::Tensor t_of(const at::Tensor& sigma) { return sigma.log().neg(); }

}  // namespace

DPMSolverSDEScheduler::~DPMSolverSDEScheduler() = default;

DPMSolverSDEScheduler::DPMSolverSDEScheduler(const SchedulerConfig& config, int steps)
    : VarianceExplodingScheduler(sde_keys(config), steps) {
  const double end = sigmas_.back();
  sigmas_.pop_back();
  std::vector<double> middles;
  for (std::size_t i = 0; i + 1 < sigmas_.size(); ++i) {
    middles.push_back(sigma_to_timestep(all_sigmas_, std::sqrt(sigmas_[i] * sigmas_[i + 1])));
  }
  timesteps_ = twice_but_first(timesteps_);
  for (std::size_t i = 0; i < middles.size(); ++i) timesteps_[2 * i + 1] = middles[i];
  sigmas_ = twice_but_first(sigmas_);
  sigmas_.push_back(end);
}

at::Tensor DPMSolverSDEScheduler::scale_model_input(const at::Tensor& sample,
                                                    std::size_t index) const {
  const double sigma = first_sample_.defined() ? middle_sigma_ : sigmas_.at(index);
  return sample / std::sqrt(sigma * sigma + 1);
}

at::Tensor DPMSolverSDEScheduler::path_noise(const at::Tensor& from, const at::Tensor& to,
                                             const at::Tensor& like, const Generators& generators) {
  const bool each = generators.size() > 1;
  if (trees_.empty()) {
    if (generators.empty() ||
        (each && generators.size() != static_cast<std::size_t>(like.size(0)))) {
      throw Error(ErrorKind::usage, "a stochastic scheduler needs one generator a picture");
    }
    double lowest = sigmas_.front(), highest = 0;
    for (double sigma : sigmas_) {
      highest = std::max(highest, sigma);
      if (sigma > 0) lowest = std::min(lowest, sigma);
    }
    const at::IntArrayRef shape = each ? like.sizes().slice(1) : like.sizes();
    for (const at::Generator& generator : generators) {
      trees_.emplace_back(lowest, highest, shape.vec(), generator.current_seed());
    }
  }
  // The path runs up in σ, the steps down.
  std::vector<at::Tensor> increments;
  for (const BrownianTree& tree : trees_) {
    increments.push_back(-tree.increment(to.item<float>(), from.item<float>()));
  }
  const at::Tensor whole = each ? at::stack(increments) : increments.front();
  return (whole / (to - from).abs().sqrt()).to(like.device());
}

StepOutput DPMSolverSDEScheduler::step(const at::Tensor& model_output, std::size_t index,
                                       const at::Tensor& sample, const Generators& generators) {
  const bool first = !first_sample_.defined();
  const at::Tensor sigma = scalar(sigmas_.at(first ? index : index - 1));
  const at::Tensor sigma_next = scalar(sigmas_.at(first ? index + 1 : index));
  const at::Tensor t = t_of(sigma), t_next = t_of(sigma_next);
  if (sigma_next.item<float>() == 0) {
    const at::Tensor x0 = to_x0(model_output, sample, sigma.item<float>());
    return {x0, x0, x0, 0};
  }
  const at::Tensor middle = t + (t_next - t) * 0.5;
  const at::Tensor level = first ? sigma : sigma_of(middle);
  const at::Tensor x0 = to_x0(model_output, sample, level.item<float>());
  const at::Tensor target = first ? middle : t_next;
  const at::Tensor start = first ? sample : first_sample_;

  // An ancestral step: down to less than the target's level, then noise brings it back up.
  const at::Tensor from = sigma_of(t), to = sigma_of(target);
  const at::Tensor up =
      at::minimum(to, (to.square() * (from.square() - to.square()) / from.square()).sqrt());
  const at::Tensor down_t = t_of((to.square() - up.square()).sqrt());
  const at::Tensor ratio = sigma_of(down_t) / from;
  const at::Tensor mean = ratio.item<float>() * start - (t - down_t).expm1().item<float>() * x0;
  const double std = up.item<float>();
  const at::Tensor prev_sample = mean + std * path_noise(from, to, sample, generators);
  if (first) {
    first_sample_ = sample;
    middle_sigma_ = to.item<float>();
  } else {
    first_sample_ = at::Tensor();
  }
  return {prev_sample, x0, mean, std};
}

}  // namespace omr::schedulers
