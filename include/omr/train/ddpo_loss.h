// Denoising as a policy: DDPO (Black et al., arXiv 2305.13301; kvablack/ddpo-pytorch,
// ddpo_pytorch/diffusers_patch/ddim_with_logprob.py, scripts/train.py, stat_tracking.py). B
// samples.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "omr/io/safetensors.h"

namespace omr::train {

// log N(sample; mean, std²) of each sample, [B]: the mean over the latent's elements, not the sum.
// The clip range of 1e-4 belongs to that mean. sample and mean [B, …]; no gradient flows to sample.
// std is held above 1e-6.
at::Tensor gaussian_log_prob(const at::Tensor& sample, const at::Tensor& mean, double std);

// KL of two Gaussians of one deviation, ‖μ − μ_ref‖²/(2σ²), mean over the elements, [B] (flow_grpo,
// scripts/train_sd3.py).
at::Tensor gaussian_kl(const at::Tensor& mean, const at::Tensor& reference_mean, double std);

struct PpoLoss {
  at::Tensor losses;  // [B]: max(−A·ρ, −A·clip(ρ, 1 − ε, 1 + ε)), PPO's (arXiv 1707.06347, eq. 7)
  at::Tensor ratio;          // [B], detached
  double approx_kl = 0;      // ½ mean (log ρ)²
  double clip_fraction = 0;  // share of ratios further than ε from 1
};
// log_probs and old_log_probs [B] of one step under the present and the roll-out's weights;
// advantages [B].
PpoLoss ppo_loss(const at::Tensor& log_probs, const at::Tensor& old_log_probs,
                 const at::Tensor& advantages, double clip_range);

// Advantages against what the same prompt earned before: a queue of the last rewards of each
// prompt.
class PromptAdvantages {
 public:
  // Queues hold `buffer` rewards; from `min_count` of them on a prompt is judged by its own.
  PromptAdvantages(std::size_t buffer, std::size_t min_count)
      : buffer_(buffer), min_count_(min_count) {}

  // Adds the rewards, then (reward − mean) / (std + 1e-6) of each: of its prompt's queue, or of
  // `rewards` where the queue is too short yet. Deviations are of the population.
  std::vector<double> update(const std::vector<std::uint64_t>& prompts,
                             const std::vector<double>& rewards);

  // The queues, to be carried on: prompts int64 [N], counts int64 [N], rewards float64 [sum].
  io::NamedTensors state() const;
  void load_state(const io::NamedTensors& state);

 private:
  std::size_t buffer_, min_count_;
  std::map<std::uint64_t, std::vector<double>> queues_;
};

}  // namespace omr::train
