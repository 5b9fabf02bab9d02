#include "omr/train/adamw.h"

#include <map>
#include <utility>

#include <ATen/ATen.h>

#include "omr/core/error.h"

namespace omr::train {

namespace {

double norm_of(const std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard no_grad;
  if (gradients.empty()) return 0;
  return at::stack(at::_foreach_norm(gradients)).norm().item<double>();
}

}  // namespace

AdamW::AdamW(std::vector<ParameterGroup> groups, const AdamWSettings& settings)
    : settings_(settings) {
  for (ParameterGroup& group : groups) {
    const std::size_t clip_set = group.clipped_apart ? clip_set_count_++ : 0;
    for (auto& named : group.parameters) {
      const at::Tensor& parameter = named.second;
      moments_.push_back(
          {at::zeros_like(parameter, parameter.options().requires_grad(false)),
           at::zeros_like(parameter, parameter.options().requires_grad(false)),
           at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false))});
      lr_factors_.push_back(group.lr_factor);
      clip_sets_.push_back(clip_set);
      all_.push_back(std::move(named));
    }
  }
}

void AdamW::zero_grad() {
  for (auto& [name, parameter] : all_) parameter.mutable_grad() = at::Tensor();
}

std::vector<at::Tensor> AdamW::gradients() const {
  std::vector<at::Tensor> out;
  for (const auto& [name, parameter] : all_) {
    if (parameter.grad().defined()) out.push_back(parameter.grad());
  }
  return out;
}

double AdamW::gradient_norm() const { return norm_of(gradients()); }

std::vector<double> AdamW::gradient_norms() const {
  std::vector<std::vector<at::Tensor>> gradients(clip_set_count_);
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const at::Tensor& gradient = all_[i].second.grad();
    if (gradient.defined()) gradients[clip_sets_[i]].push_back(gradient);
  }
  std::vector<double> out;
  for (const auto& of_set : gradients) out.push_back(norm_of(of_set));
  return out;
}

void AdamW::step(double lr, double gradient_divisor) {
  step(lr, std::vector<double>(clip_set_count_, gradient_divisor));
}

void AdamW::step(double lr, const std::vector<double>& gradient_divisors) {
  const at::NoGradGuard no_grad;
  struct Lists {
    std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, steps;
  };
  std::map<std::pair<double, double>, Lists> alike;  // by rate and divisor
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const at::Tensor& parameter = all_[i].second;
    if (!parameter.grad().defined()) continue;
    Lists& lists = alike[{lr_factors_[i], gradient_divisors.at(clip_sets_[i])}];
    lists.parameters.push_back(parameter);
    // The fused pass walks plain memory: gradients must lie as their parameters do.
    const at::Tensor& gradient = parameter.grad();
    lists.gradients.push_back(gradient.strides() == parameter.strides()
                                  ? gradient
                                  : at::empty_like(parameter).copy_(gradient));
    lists.exp_avgs.push_back(moments_[i].exp_avg);
    lists.exp_avg_sqs.push_back(moments_[i].exp_avg_sq);
    lists.steps.push_back(moments_[i].steps);
  }
  for (auto& [key, lists] : alike) {
    const auto [factor, gradient_divisor] = key;
    at::_foreach_add_(lists.steps, 1);
    std::optional<at::Tensor> divisor;
    if (gradient_divisor != 1.0)
      divisor = at::full({}, gradient_divisor, lists.steps.front().options());
    at::_fused_adamw_(lists.parameters, lists.gradients, lists.exp_avgs, lists.exp_avg_sqs, {},
                      lists.steps, lr * factor, settings_.beta1, settings_.beta2,
                      settings_.weight_decay, settings_.eps,
                      /*amsgrad=*/false, /*maximize=*/false, divisor);
  }
}

io::NamedTensors AdamW::state() const {
  io::NamedTensors out;
  std::vector<at::Tensor> steps;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    out.emplace_back("exp_avg." + all_[i].first, moments_[i].exp_avg);
    out.emplace_back("exp_avg_sq." + all_[i].first, moments_[i].exp_avg_sq);
    steps.push_back(moments_[i].steps);
  }
  if (!steps.empty()) out.emplace_back("steps", at::stack(steps));
  return out;
}

void AdamW::load_state(const io::Weights& weights) {
  const at::NoGradGuard no_grad;
  const auto fill = [&](at::Tensor& into, const std::string& name) {
    if (!weights.contains(name) || at::IntArrayRef(weights.info(name).shape) != into.sizes()) {
      throw Error(ErrorKind::mismatch,
                  weights.where() + ": " + name + " is not what this run's optimiser holds");
    }
    into.copy_(weights.tensor(name));
  };
  if (all_.empty()) return;
  at::Tensor steps = at::zeros({static_cast<std::int64_t>(all_.size())});
  fill(steps, "steps");
  for (std::size_t i = 0; i < all_.size(); ++i) {
    fill(moments_[i].exp_avg, "exp_avg." + all_[i].first);
    fill(moments_[i].exp_avg_sq, "exp_avg_sq." + all_[i].first);
    moments_[i].steps.copy_(steps[static_cast<std::int64_t>(i)]);
  }
}

}  // namespace omr::train
