#include "omr/train/ddpo_loss.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>

namespace omr::train {
namespace {

constexpr double kLeastStd = 1e-6;

struct Spread {
  double mean = 0, std = 0;
};

Spread spread_of(const std::vector<double>& values) {
  Spread out;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) out.mean += value / count;
  for (const double value : values) out.std += (value - out.mean) * (value - out.mean) / count;
  out.std = std::sqrt(out.std) + 1e-6;
  return out;
}

}  // namespace

at::Tensor gaussian_log_prob(const at::Tensor& sample, const at::Tensor& mean, double std) {
  const double sigma = std::max(std, kLeastStd);
  const at::Tensor squares = (sample.detach() - mean).square().flatten(1).mean(1);
  return -squares / (2 * sigma * sigma) - std::log(sigma) - 0.5 * std::log(2 * std::numbers::pi);
}

at::Tensor gaussian_kl(const at::Tensor& mean, const at::Tensor& reference_mean, double std) {
  const double sigma = std::max(std, kLeastStd);
  return (mean - reference_mean.detach()).square().flatten(1).mean(1) / (2 * sigma * sigma);
}

PpoLoss ppo_loss(const at::Tensor& log_probs, const at::Tensor& old_log_probs,
                 const at::Tensor& advantages, double clip_range) {
  const at::Tensor difference = log_probs - old_log_probs.detach();
  const at::Tensor ratio = difference.exp();
  const at::Tensor unclipped = -advantages * ratio;
  const at::Tensor clipped = -advantages * ratio.clamp(1 - clip_range, 1 + clip_range);
  PpoLoss out;
  out.losses = at::maximum(unclipped, clipped);
  out.ratio = ratio.detach();
  out.approx_kl = 0.5 * difference.detach().square().mean().item<double>();
  out.clip_fraction = (out.ratio - 1).abs().gt(clip_range).to(at::kFloat).mean().item<double>();
  return out;
}

std::vector<double> PromptAdvantages::update(const std::vector<std::uint64_t>& prompts,
                                             const std::vector<double>& rewards) {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    std::vector<double>& queue = queues_[prompts[i]];
    queue.push_back(rewards[i]);
    if (queue.size() > buffer_) queue.erase(queue.begin());
  }
  const Spread all = spread_of(rewards);
  std::map<std::uint64_t, Spread> spreads;
  std::vector<double> out;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto [found, added] = spreads.try_emplace(prompts[i], all);
    const std::vector<double>& queue = queues_[prompts[i]];
    if (added && queue.size() >= min_count_) found->second = spread_of(queue);
    out.push_back((rewards[i] - found->second.mean) / found->second.std);
  }
  return out;
}

io::NamedTensors PromptAdvantages::state() const {
  std::vector<std::int64_t> prompts, counts;
  std::vector<double> rewards;
  for (const auto& [prompt, queue] : queues_) {
    prompts.push_back(static_cast<std::int64_t>(prompt));
    counts.push_back(static_cast<std::int64_t>(queue.size()));
    rewards.insert(rewards.end(), queue.begin(), queue.end());
  }
  return {{"advantages.prompts", at::tensor(prompts, at::kLong)},
          {"advantages.counts", at::tensor(counts, at::kLong)},
          {"advantages.rewards", at::tensor(rewards, at::kDouble)}};
}

void PromptAdvantages::load_state(const io::NamedTensors& state) {
  const std::map<std::string, at::Tensor> named(state.begin(), state.end());
  const at::Tensor prompts = named.at("advantages.prompts").contiguous(),
                   counts = named.at("advantages.counts").contiguous(),
                   rewards = named.at("advantages.rewards").contiguous();
  queues_.clear();
  const double* next = rewards.const_data_ptr<double>();
  for (std::int64_t i = 0; i < prompts.numel(); ++i) {
    const std::int64_t count = counts.const_data_ptr<std::int64_t>()[i];
    queues_[static_cast<std::uint64_t>(prompts.const_data_ptr<std::int64_t>()[i])] = {next,
                                                                                      next + count};
    next += count;
  }
}

}  // namespace omr::train
